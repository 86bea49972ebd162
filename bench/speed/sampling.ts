// What serving costs with each kind of sampling: decode over HTTP beside decode in this process, asked for the same.
import type { ServedModel } from '../../src/services/types.js';
import { formatTable } from '../../src/terminal/table.js';
import { median, type Summary, summarize } from '../peers/stats.js';
import { measureHttp, measureInProcess, type Request } from './measure.js';
import type { ServedPeer } from './served-peer.js';

/** Fields of the request, beside those that make its length certain. */
const KINDS: Record<string, Record<string, unknown>> = {
  greedy: {},
  'logprobs, 5 best': { logprobs: true, top_logprobs: 5 },
  'seed, temperature': { temperature: 1, seed: 7 },
  'seed, top_p 0.95': { temperature: 0.8, top_p: 0.95, seed: 7 },
  'presence, frequency': { presence_penalty: 0.5, frequency_penalty: 0.5 },
  'repetition, 300 biases': { repetition_penalty: 1.1, logit_bias: biases(300) },
};

export interface KindReport {
  name: string;
  inProcess: Summary;
  http: Summary;
  /** HTTP over in-process, of each round: 1 means that serving costs nothing. */
  ratio: Summary;
}

export interface SamplingReport {
  kinds: KindReport[];
  peer?: ServedPeer;
}

export interface SamplingRun {
  model: ServedModel;
  url: string;
  rounds: number;
  makeRequest: (outputTokens?: number) => Promise<Request>;
  warmUpTokens: number;
}

/** Each round asks for every kind on both sides, the one that goes first in turn, after a round that does not count. */
export async function measureSampling(run: SamplingRun): Promise<KindReport[]> {
  const { model, url, rounds, makeRequest, warmUpTokens } = run;
  const kinds = Object.entries(KINDS).map(([name, fields]) => ({
    name,
    inProcess: { decode: [] as number[], measure: (request: Request) => measureInProcess(model, request, fields) },
    http: {
      decode: [] as number[],
      measure: (request: Request) => measureHttp({ url, model: model.id }, request, fields),
    },
  }));
  for (let round = 0; round <= rounds; round++) {
    for (const { inProcess, http } of kinds) {
      for (const side of round % 2 === 0 ? [inProcess, http] : [http, inProcess]) {
        const { decode } = await side.measure(await makeRequest(round === 0 ? warmUpTokens : undefined));
        if (round > 0) side.decode.push(decode);
      }
    }
  }
  return kinds.map(({ name, inProcess, http }) => ({
    name,
    inProcess: summarize(inProcess.decode),
    http: summarize(http.decode),
    ratio: summarize(http.decode.map((rate, i) => rate / (inProcess.decode[i] as number))),
  }));
}

export function formatSampling({ kinds, peer }: SamplingReport): string {
  const speed = ({ median, min, max }: Summary, digits: number) =>
    `${median.toFixed(digits)} (${min.toFixed(digits)}..${max.toFixed(digits)})`;
  const rows = kinds.map(({ name, inProcess, http, ratio }) => [
    name,
    speed(inProcess, 1),
    speed(http, 1),
    speed(ratio, 3),
  ]);
  if (peer) {
    const ratios = peer.served.map((rate, i) => rate / (peer.inProcess[i] as number));
    const name = `mlx-lm ${peer.version}, ${peer.tokens} tokens`;
    rows.push([
      name,
      ...[peer.inProcess, peer.served].map((rates) => median(rates).toFixed(2)),
      speed(summarize(ratios), 3),
    ]);
  }
  return [
    'Tokens a second, median (least..most); the ratio is of each round.',
    ...formatTable([['decode', 'in process', 'over HTTP', 'ratio'], ...rows], [1, 2, 3]),
  ].join('\n');
}

function biases(count: number): Record<string, number> {
  return Object.fromEntries(Array.from({ length: count }, (_, i) => [String(1000 + i), -1]));
}
