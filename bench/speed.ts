// `npm run bench`: how fast one model answers in this process and over HTTP, in one run.
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { BuildError, main } from '../scripts/build/errors.js';
import { loadModel } from '../src/services/load-model.js';
import { DEFAULT_MODEL, ModelStore } from '../src/services/model-store.js';
import type { ServedModel } from '../src/services/types.js';
import { measureHttp, measureInProcess, type Request, type Sample } from './speed/measure.js';
import { openPrompts, type Prompts } from './speed/prompts.js';
import { type Facts, formatReport, makeReport, type Report } from './speed/report.js';
import { formatSampling, measureSampling, type SamplingReport } from './speed/sampling.js';
import { measureServedPeer } from './speed/served-peer.js';
import { type Server, startServer } from './speed/server.js';

const HELP = `Usage: npm run bench -- [options]

  --model NAME|PATH   default: ${DEFAULT_MODEL}
  --prompt-tokens N   default: 512
  --output-tokens N   default: 128, at least 2
  --rounds N          default: 5
  --threads N         of the CPU kernels; default: one a core. One fewer leaves a core to the server and its client
  --sampling          decode with each kind of sampling, over HTTP and in this process
  --peer              with --sampling: mlx_lm.server beside mlx-lm too, on a few tokens
  --json              the figures as JSON`;

interface Options {
  model: string;
  promptTokens: number;
  outputTokens: number;
  rounds: number;
  /** 0: as many as the engine thinks best. */
  threads: number;
}

const WARM_UP_TOKENS = 8;

main('bench', async () => {
  const { values } = parseArgs({
    options: {
      model: { type: 'string', default: DEFAULT_MODEL },
      'prompt-tokens': { type: 'string', default: '512' },
      'output-tokens': { type: 'string', default: '128' },
      rounds: { type: 'string', default: '5' },
      threads: { type: 'string', default: '0' },
      sampling: { type: 'boolean', default: false },
      peer: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    console.log(HELP);
    return;
  }
  const options: Options = {
    model: values.model,
    promptTokens: wholeNumber('prompt-tokens', values['prompt-tokens'], 1),
    outputTokens: wholeNumber('output-tokens', values['output-tokens'], 2),
    rounds: wholeNumber('rounds', values.rounds, 1),
    threads: wholeNumber('threads', values.threads, 0),
  };
  if (values.sampling) {
    const report = await benchSampling(options, values.peer);
    console.log(values.json ? JSON.stringify(report, null, 2) : formatSampling(report));
    return;
  }
  const report = await bench(options);
  console.log(values.json ? JSON.stringify(report, null, 2) : formatReport(report));
});

function wholeNumber(name: string, value: string, least: number): number {
  const number = Number(value);
  if (/^\d+$/.test(value) && number >= least) return number;
  throw new BuildError(`--${name} must be a whole number of at least ${least}, not ${JSON.stringify(value)}`);
}

const threadFlags = ({ threads }: Options) => (threads === 0 ? [] : ['--threads', String(threads)]);

async function bench(options: Options): Promise<Report> {
  const { folder, name } = await new ModelStore().find(options.model);
  const prompts = await openPrompts(name, folder);
  const started = performance.now();
  const model = await loadModel(folder, { threads: options.threads });
  const loadMs = performance.now() - started;
  try {
    const server = await startServer(folder, threadFlags(options));
    try {
      const [inside, served] = await measureRounds(options, prompts, model, server);
      const rssBytes = process.memoryUsage.rss();
      const inProcess = { samples: inside, loadMs, rssBytes };
      const http = { samples: served, loadMs: server.startMs, rssBytes: server.rssBytes() };
      return makeReport(factsOf(options, model), inProcess, http);
    } finally {
      await server.stop();
    }
  } finally {
    await Promise.all([model.close(), prompts.close()]);
  }
}

async function benchSampling(options: Options, withPeer: boolean): Promise<SamplingReport> {
  const { model: name, promptTokens, outputTokens, rounds } = options;
  const { folder, name: id } = await new ModelStore().find(name);
  const prompts = await openPrompts(id, folder);
  const model = await loadModel(folder, { threads: options.threads });
  const server = await startServer(folder, threadFlags(options)).catch(async (error) => {
    await Promise.all([model.close(), prompts.close()]);
    throw error;
  });
  let seed = 1;
  const makeRequest = async (output = outputTokens): Promise<Request> => {
    return { messages: await prompts.make(promptTokens, seed++), promptTokens, outputTokens: output };
  };
  try {
    const run = { model, url: server.url, rounds, makeRequest, warmUpTokens: WARM_UP_TOKENS };
    const kinds = await measureSampling(run);
    return { kinds, ...(withPeer ? { peer: await measureServedPeer(folder) } : {}) };
  } finally {
    await Promise.all([server.stop(), model.close(), prompts.close()]);
  }
}

/** Each round asks both sides, the one that goes first in turn, after one round that does not count. */
async function measureRounds(
  { promptTokens, outputTokens, rounds }: Options,
  prompts: Prompts,
  model: ServedModel,
  server: Server,
): Promise<[Sample[], Sample[]]> {
  const sides = [
    { samples: [] as Sample[], measure: (request: Request) => measureInProcess(model, request) },
    {
      samples: [] as Sample[],
      measure: (request: Request) => measureHttp({ url: server.url, model: model.id }, request),
    },
  ] as const;
  let seed = 1;
  for (let round = 0; round <= rounds; round++) {
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[2Kround ${round} of ${rounds}`);
    for (const { samples, measure } of round % 2 === 0 ? sides : sides.toReversed()) {
      const isWarmUp = round === 0;
      const messages = await prompts.make(promptTokens, seed++);
      const sample = await measure({ messages, promptTokens, outputTokens: isWarmUp ? WARM_UP_TOKENS : outputTokens });
      if (!isWarmUp) samples.push(sample);
    }
  }
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[2K');
  return [sides[0].samples, sides[1].samples];
}

function factsOf({ promptTokens, outputTokens, rounds }: Options, model: ServedModel): Facts {
  const { device, mlxVersion } = model.info;
  const processors = cpus();
  const machine = `${process.platform}-${process.arch}, ${processors.length} x ${processors[0]?.model.trim()}`;
  const node = process.versions.node;
  return { model: model.id, device, mlxVersion, machine, node, promptTokens, outputTokens, rounds };
}
