// What sampling costs a client: decode over HTTP with each kind of it, beside greedy decode in this process.
import type { Model } from '../../src/index.js';
import { formatTable } from '../../src/terminal/table.js';
import { type Summary, summarize } from '../peers/stats.js';
import { measureHttp, measureInProcess, type Request, type Sample } from './measure.js';

/** Fields of the request, beside those that make its length certain. */
const KINDS: Record<string, Record<string, unknown>> = {
  greedy: {},
  'logprobs, 5 best': { logprobs: true, top_logprobs: 5 },
  'seed, temperature': { temperature: 1, seed: 7 },
  'seed, top_p 0.95': { temperature: 0.8, top_p: 0.95, seed: 7 },
  'presence, frequency': { presence_penalty: 0.5, frequency_penalty: 0.5 },
  'repetition, 300 biases': { repetition_penalty: 1.1, logit_bias: biases(300) },
};

export interface SamplingReport {
  inProcess: Summary;
  /** Of each kind, over HTTP, and its ratio to greedy decode in this process. */
  kinds: { name: string; decode: Summary; ratio: number }[];
}

export interface SamplingRun {
  model: Model;
  url: string;
  rounds: number;
  makeRequest: (outputTokens?: number) => Promise<Request>;
  warmUpTokens: number;
}

/** Each round asks for every kind once, beginning with another one, after one round that does not count. */
export async function measureSampling(run: SamplingRun): Promise<SamplingReport> {
  const { model, url, rounds, makeRequest, warmUpTokens } = run;
  const sides = [
    { name: 'in process', decode: [] as number[], measure: (request: Request) => measureInProcess(model, request) },
    ...Object.entries(KINDS).map(([name, fields]) => ({
      name,
      decode: [] as number[],
      measure: (request: Request): Promise<Sample> => measureHttp({ url, model: model.id }, request, fields),
    })),
  ];
  for (let round = 0; round <= rounds; round++) {
    for (let i = 0; i < sides.length; i++) {
      const side = sides[(i + round) % sides.length] as (typeof sides)[number];
      const { decode } = await side.measure(await makeRequest(round === 0 ? warmUpTokens : undefined));
      if (round > 0) side.decode.push(decode);
    }
  }
  const [inProcess, ...kinds] = sides.map(({ name, decode }) => ({ name, decode: summarize(decode) }));
  if (!inProcess) throw new Error('nothing was measured');
  return {
    inProcess: inProcess.decode,
    kinds: kinds.map((kind) => ({ ...kind, ratio: kind.decode.median / inProcess.decode.median })),
  };
}

export function formatSampling({ inProcess, kinds }: SamplingReport): string {
  const speed = ({ median, min, max }: Summary) => `${median.toFixed(1)} (${min.toFixed(1)}..${max.toFixed(1)})`;
  const rows = [
    ['decode, tokens/s', 'median (least..most)', 'ratio'],
    ['greedy, in process', speed(inProcess), ''],
    ...kinds.map(({ name, decode, ratio }) => [`${name}, over HTTP`, speed(decode), ratio.toFixed(3)]),
  ];
  return formatTable(rows, [1, 2]).join('\n');
}

function biases(count: number): Record<string, number> {
  return Object.fromEntries(Array.from({ length: count }, (_, i) => [String(1000 + i), -1]));
}
