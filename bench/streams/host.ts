// What the main thread does for each decode step, in this process, without text and HTTP: how long the drain takes, which
// puts the engine's events into the queues of their requests, and what the thread takes in all, with its wake-ups and
// those who read the queues.
import { type Profiler, Session } from 'node:inspector/promises';
import { availableParallelism } from 'node:os';
import { loadEngine } from '../../src/engine/native-engine.js';
import type { Engine } from '../../src/engine/types.js';
import { median } from '../peers/stats.js';
import { readCpu } from './cpu.js';

const ROUNDS = 3;
const OUTPUT_TOKENS = 128;
const PROMPT_TOKENS = 16;
/** Of the method of NativeEngine. */
const DRAIN = '#drain';
const SAMPLE_US = 100;
/** A core is left for the main thread: a profile counts what waits for one as work. */
const KERNEL_THREADS = Math.max(1, availableParallelism() - 1);

/** Microseconds a step of all streams. */
export interface HostWork {
  streams: number;
  /** Median of a few rounds. */
  drainUs: number;
  /** Absent where the system does not tell a thread's processor time. */
  mainThreadUs?: number;
}

export async function measureHost(folder: string, widths: readonly number[]): Promise<HostWork[]> {
  const engine = await loadEngine({ modelPath: folder, prefixCache: 0, threads: KERNEL_THREADS });
  try {
    await generateAll(engine, 4); // Until the code is compiled.
    const work: HostWork[] = [];
    for (const streams of widths) {
      const mainThreadMs = await mainThreadTime(() => generateAll(engine, streams));
      const drains: number[] = [];
      for (let i = 0; i < ROUNDS; i++) drains.push(await drainTime(() => generateAll(engine, streams)));
      work.push({
        streams,
        drainUs: median(drains) / OUTPUT_TOKENS,
        ...(mainThreadMs === undefined ? {} : { mainThreadUs: (1000 * mainThreadMs) / OUTPUT_TOKENS }),
      });
    }
    return work;
  } finally {
    await engine.close();
  }
}

async function generateAll(engine: Engine, streams: number): Promise<void> {
  await Promise.all(Array.from({ length: streams }, (_, i) => generate(engine, i + 1)));
}

async function generate(engine: Engine, seed: number): Promise<void> {
  const tokens = Int32Array.from({ length: PROMPT_TOKENS }, (_, i) => (i * 7919 * seed + 13) % engine.info.vocabSize);
  const sampling = { temperature: 0, topP: 1, topK: 0, minP: 0 };
  let count = 0;
  for await (const event of engine.generate({ tokens, sampling, maxTokens: OUTPUT_TOKENS, stopTokens: [] })) {
    count += event.type === 'token' ? 1 : 0;
  }
  if (count !== OUTPUT_TOKENS) throw new Error(`${count} tokens came, not ${OUTPUT_TOKENS}`);
}

/** Milliseconds of processor time. */
async function mainThreadTime(work: () => Promise<void>): Promise<number | undefined> {
  const before = readCpu(process.pid);
  await work();
  const after = readCpu(process.pid);
  return before && after && after.mainThread - before.mainThread;
}

/** Microseconds that a profile finds the thread in the drain, and in what it calls. */
async function drainTime(work: () => Promise<void>): Promise<number> {
  const session = new Session();
  session.connect();
  try {
    await session.post('Profiler.enable');
    await session.post('Profiler.setSamplingInterval', { interval: SAMPLE_US });
    await session.post('Profiler.start');
    await work();
    return timeIn((await session.post('Profiler.stop')).profile, DRAIN);
  } finally {
    session.disconnect();
  }
}

function timeIn({ nodes, samples = [], timeDeltas = [] }: Profiler.Profile, name: string): number {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const inside = new Set<number>();
  const enter = (id: number): void => {
    inside.add(id);
    for (const child of byId.get(id)?.children ?? []) enter(child);
  };
  for (const { id, callFrame } of nodes) if (callFrame.functionName === name) enter(id);
  return samples.reduce((sum, id, i) => sum + (inside.has(id) ? (timeDeltas[i] ?? 0) : 0), 0);
}
