// Many streams for minutes, some of them left by their clients: errors, streams that never end, memory that does not come back.
import { setTimeout as sleep } from 'node:timers/promises';
import type { ChatMessage } from '../../src/services/types.js';
import type { Prompts } from '../speed/prompts.js';
import type { Server } from '../speed/server.js';
import { type Target, timeStream } from '../speed/stream.js';
import { type ModelHealth, readHealth } from './health.js';

const STREAMS = 100;
const CANCELLED_SHARE = 0.3;
/** A stream that takes longer is stuck: a hundred of the longest replies take less. */
const STUCK_MS = 120_000;
const QUIET_MS = 10_000;
/** Streams of each client before memory is first looked at: heaps, and prefixes of these prompts, have grown by then. */
const WARM_UP_ROUNDS = 4;
/** An engine without work gives free memory back after a second; Node's young generation shrinks only when idle for five. */
const REST_MS = 10_000;
const COLLECT_MS = 1000;
const LOOK_MS = 2000;
/** Holes between small things that stay, in Node's heap and the allocator's. */
const RSS_SLACK_BYTES = 16 * 2 ** 20;
/** Beside its pages a prefix holds a few bytes a layer. */
const ACTIVE_SLACK_BYTES = 2 ** 20;

/**
 * What Node must be started with to be judged: it collects its garbage at COLLECT. By itself it does so at rest after 12 to 40
 * seconds, or not; its young generation alone takes 30 MB until then, in which a leak would hide. What is held is not collected.
 */
export const COLLECTABLE = ['--expose-gc', '--import', 'data:text/javascript,process.on("SIGUSR2", () => gc());'];
const COLLECT = 'SIGUSR2';

export interface Memory {
  rssBytes: number;
  /** Weights, keys and values. */
  activeBytes: number;
  /** Of both: what the prefix cache keeps, which grows up to its budget. */
  prefixBytes: number;
}

export interface Soak {
  streams: number;
  minutes: number;
  finished: number;
  cancelled: number;
  stuck: number;
  errors: string[];
  /** At rest after the warm-up, the most at any time after it, and at rest after the last stream. */
  before: Memory;
  most: Memory;
  after: Memory;
  /** What should not be; empty when all is well. */
  problems: string[];
}

/** `server` was started with COLLECTABLE. Throws when it does not come to rest. */
export async function soak(target: Target, server: Server, prompts: Prompts, minutes: number): Promise<Soak> {
  const pool: ChatMessage[][] = [];
  for (const [seed, tokens] of [48, 64, 96, 150, 300, 600, 1200].entries()) pool.push(await prompts.make(tokens, seed));
  const counts = { finished: 0, cancelled: 0, stuck: 0, errors: [] as string[] };
  const wave = (until: number) =>
    Promise.all(
      Array.from({ length: STREAMS }, async () => {
        do await runStream(target, pool, counts);
        while (performance.now() < until);
      }),
    );

  for (let round = 0; round < WARM_UP_ROUNDS; round++) await wave(0);
  const before = await memoryAtRest(target, server);
  const most = { ...before };
  const looking = setInterval(() => void look(target, server, most).catch(() => undefined), LOOK_MS);
  await wave(performance.now() + minutes * 60_000).finally(() => clearInterval(looking));
  const after = await memoryAtRest(target, server);
  const problems = [...problemsOf(counts, before, after), ...(await failuresOf(target))];
  return { streams: STREAMS, minutes, ...counts, before, most, after, problems };
}

type Counts = Pick<Soak, 'finished' | 'cancelled' | 'stuck' | 'errors'>;

/** A reply of random length to a prompt of the pool, the short ones more often; some are left by their client. */
async function runStream(target: Target, pool: readonly ChatMessage[][], counts: Counts): Promise<void> {
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
}

function problemsOf({ errors, stuck }: Counts, before: Memory, after: Memory): string[] {
  const active = (memory: Memory) => memory.activeBytes - memory.prefixBytes;
  const rss = (memory: Memory) => memory.rssBytes - memory.prefixBytes;
  return [
    ...(errors.length > 0 ? [`${errors.length} streams failed`] : []),
    ...(stuck > 0 ? [`${stuck} streams did not end within ${STUCK_MS / 1000} s`] : []),
    ...(active(after) > active(before) + ACTIVE_SLACK_BYTES
      ? [`MLX holds ${active(after) - active(before)} bytes more, prefixes left out`]
      : []),
    ...(rss(after) > rss(before) + RSS_SLACK_BYTES
      ? [`the process holds ${rss(after) - rss(before)} bytes more, prefixes left out`]
      : []),
  ];
}

async function failuresOf({ url }: Target): Promise<string[]> {
  const { failures, restarts } = await readModel(url);
  return failures + restarts === 0 ? [] : [`${failures} steps failed, and the engine restarted ${restarts} times`];
}

async function readMemory({ url }: Target, server: Server): Promise<Memory> {
  const { active_memory_bytes, prefix_cache } = await readModel(url);
  return { rssBytes: server.rssBytes(), activeBytes: active_memory_bytes, prefixBytes: prefix_cache.bytes };
}

async function look(target: Target, server: Server, most: Memory): Promise<void> {
  const now = await readMemory(target, server);
  for (const name of Object.keys(now) as (keyof Memory)[]) most[name] = Math.max(most[name], now[name]);
}

/**
 * Garbage is collected twice: what the first time frees, the engine gives back as it rests; the second shrinks the heap. Throws
 * when the server does not come to rest.
 */
async function memoryAtRest(target: Target, server: Server): Promise<Memory> {
  await awaitQuiet(target.url);
  process.kill(server.pid, COLLECT);
  await sleep(REST_MS);
  process.kill(server.pid, COLLECT);
  await sleep(COLLECT_MS);
  return readMemory(target, server);
}

async function readModel(url: string): Promise<ModelHealth> {
  const [model] = (await readHealth(url)).models;
  if (!model) throw new Error('the server has no model');
  return model;
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
