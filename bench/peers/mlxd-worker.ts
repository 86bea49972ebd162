// Measures our engine in-process, as the other workers do theirs: the addon below the engine's public face, no server.

import { createInterface } from 'node:readline';
import { type LoadOptions, loadEngine } from '../../src/engine/native-engine.js';
import type { Engine } from '../../src/engine/types.js';
import type { Loaded, Measurement, Request } from './protocol.js';

const MAX_STREAMS = 32;
const GREEDY = { temperature: 0, topP: 1, topK: 0, minP: 0 };

let engine: Engine | undefined;

async function load({ model, threads }: { model: string; threads: number }): Promise<Loaded> {
  const options: LoadOptions = { modelPath: model, device: 'cpu', threads, maxSequences: MAX_STREAMS, prefixCache: 0 };
  engine = await loadEngine(options);
  const { mlxVersion, loadMs, kernels, precision } = engine.info;
  return {
    version: `mlx ${mlxVersion}`,
    details: `kernels ${kernels}, precision ${precision ?? 'of MLX'}, loaded in ${loadMs.toFixed(0)} ms`,
  };
}

/** When each token of a reply of exactly `count` tokens came, in seconds. */
async function arrivals(prompt: readonly number[], count: number): Promise<number[]> {
  if (!engine) throw new Error('no model is loaded');
  const times: number[] = [];
  const request = { tokens: Int32Array.from(prompt), sampling: GREEDY, maxTokens: count, stopTokens: [] };
  for await (const event of engine.generate(request)) {
    if (event.type === 'token') times.push(performance.now() / 1000);
  }
  if (times.length !== count) throw new Error(`${times.length} tokens came where ${count} were asked for`);
  return times;
}

async function prefill(tokens: readonly number[]): Promise<Measurement> {
  const start = performance.now() / 1000;
  const [first = start] = await arrivals(tokens, 1);
  return { seconds: first - start, tokens: tokens.length };
}

async function decode(tokens: readonly number[], steps: number): Promise<Measurement> {
  const times = await arrivals(tokens, steps + 1);
  return { seconds: (times.at(-1) ?? 0) - (times[0] ?? 0), tokens: steps };
}

/**
 * Counts what all streams emit while all of them run: from the moment the last has its first token until the first is
 * done. Earlier streams may decode while later prompts are computed, so each is given enough to be still there then.
 */
async function batch(prompts: readonly (readonly number[])[], steps: number): Promise<Measurement> {
  const count = 2 * steps + prompts.length;
  const replies = await Promise.all(prompts.map((prompt) => arrivals(prompt, count)));
  const start = Math.max(...replies.map((times) => times[0] ?? 0));
  const end = Math.min(...replies.map((times) => times.at(-1) ?? 0));
  const tokens = replies.flat().filter((time) => time > start && time <= end).length;
  if (tokens < steps * prompts.length) {
    throw new Error(`${prompts.length} streams ran together for ${tokens} tokens only: they are not served together`);
  }
  return { seconds: end - start, tokens };
}

function answer(request: Request): Promise<Loaded | Measurement> {
  switch (request.op) {
    case 'load':
      return load(request);
    case 'prefill':
      return prefill(request.tokens);
    case 'decode':
      return decode(request.tokens, request.steps);
    case 'batch':
      return batch(request.prompts, request.steps);
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const { id, ...request } = JSON.parse(line) as Request & { id: number };
  const reply = await answer(request).then(
    (result) => ({ id, ok: true, result }),
    (error: unknown) => ({ id, ok: false, error: String(error) }),
  );
  process.stdout.write(`${JSON.stringify(reply)}\n`);
}
await engine?.close();
