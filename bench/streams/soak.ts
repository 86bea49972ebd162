// Many streams for minutes, some of them left by their clients: errors, streams that never end, memory that does not come back.
import { setTimeout as sleep } from 'node:timers/promises';
import type { ChatMessage } from '../../src/services/types.js';
import type { Prompts } from '../speed/prompts.js';
import type { Server } from '../speed/server.js';
import { type Target, timeStream } from '../speed/stream.js';
import { readHealth } from './health.js';

const STREAMS = 100;
const CANCELLED_SHARE = 0.3;
/** A stream that takes longer is stuck: a hundred of the longest replies take less. */
const STUCK_MS = 120_000;
const QUIET_MS = 10_000;
/** An engine without work gives free memory back after a second. */
const REST_MS = 3000;

export interface Memory {
  rssBytes: number;
  activeBytes: number;
}

export interface Soak {
  streams: number;
  minutes: number;
  finished: number;
  cancelled: number;
  stuck: number;
  errors: string[];
  /** After a first wave of as many streams, and after the last one. */
  before: Memory;
  after: Memory;
}

export async function soak(target: Target, server: Server, prompts: Prompts, minutes: number): Promise<Soak> {
  const pool: ChatMessage[][] = [];
  for (const [seed, tokens] of [48, 64, 96, 150, 300, 600, 1200].entries()) pool.push(await prompts.make(tokens, seed));
  const counts = { finished: 0, cancelled: 0, stuck: 0, errors: [] as string[] };

  const one = async () => {
    const messages = pool[Math.floor(Math.random() ** 2 * pool.length)] as ChatMessage[];
    const leave = new AbortController();
    const stuck = AbortSignal.timeout(STUCK_MS);
    const leaves = Math.random() < CANCELLED_SHARE;
    const timer = leaves ? setTimeout(() => leave.abort(), 5000 * Math.random()) : undefined;
    try {
      const signal = AbortSignal.any([leave.signal, stuck]);
      await timeStream(target, { messages, outputTokens: 1 + Math.floor(64 * Math.random()), signal });
      counts.finished += 1;
    } catch (error) {
      if (stuck.aborted) counts.stuck += 1;
      else if (leave.signal.aborted) counts.cancelled += 1;
      else counts.errors.push((error as Error).message);
    } finally {
      clearTimeout(timer);
    }
  };
  const wave = (until: number) =>
    Promise.all(
      Array.from({ length: STREAMS }, async () => {
        do await one();
        while (performance.now() < until);
      }),
    );

  await wave(0);
  const before = await memoryAtRest(target, server);
  await wave(performance.now() + minutes * 60_000);
  const after = await memoryAtRest(target, server);
  return { streams: STREAMS, minutes, ...counts, before, after };
}

/** Throws when the server does not come to rest. */
async function memoryAtRest({ url }: Target, server: Server): Promise<Memory> {
  await awaitQuiet(url);
  await sleep(REST_MS);
  const [model] = (await readHealth(url)).models;
  if (!model) throw new Error('the server has no model');
  return { rssBytes: server.rssBytes(), activeBytes: model.active_memory_bytes };
}

async function awaitQuiet(url: string): Promise<void> {
  const until = performance.now() + QUIET_MS;
  for (;;) {
    const health = await readHealth(url);
    const [model] = health.models;
    if (model && health.in_flight + model.waiting + model.running === 0) return;
    if (performance.now() > until) throw new Error(`the server still computes: ${JSON.stringify(health)}`);
    await sleep(50);
  }
}
