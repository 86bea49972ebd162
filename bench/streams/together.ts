// Several streams at once: tokens of all a second, how evenly they come, and a short request beside a long prompt.
import { setTimeout as sleep } from 'node:timers/promises';
import { summarize } from '../peers/stats.js';
import type { Prompts } from '../speed/prompts.js';
import { type Target, type Timed, timeStream } from '../speed/stream.js';
import { type CpuTimes, readCpu, since } from './cpu.js';

const SHORT_PROMPT = 64;
const SHORT_OUTPUT = 8;
/** Between two short requests beside a long prompt: from none, as an agent asks, to longer than a step of that prompt alone. */
const PAUSES_MS = [0, 150, 300, 450];

export interface Width {
  streams: number;
  /** Of all streams, while all of them run. */
  tokensPerSecond: number;
  /** The slowest stream's rate over the fastest one's. */
  fairness: number;
  /** What a token costs in time of processors; without figures where the system does not tell them. */
  cpu?: CpuTimes;
}

export async function measureWidth(
  target: Target,
  prompts: Prompts,
  { streams, outputTokens, pid }: { streams: number; outputTokens: number; pid: number },
): Promise<Width> {
  const messages = [];
  for (let i = 0; i < streams; i++) messages.push(await prompts.make(SHORT_PROMPT, 1000 * streams + i));
  const before = readCpu(pid);
  const timed = await Promise.all(messages.map((each) => timeStream(target, { messages: each, outputTokens })));
  const cpu = before && since(before, readCpu(pid), streams * outputTokens);
  const from = Math.max(...timed.map(({ textAt }) => textAt[0] ?? 0));
  const to = Math.min(...timed.map(({ textAt }) => textAt.at(-1) ?? 0));
  const rates = timed.map((each) => (1000 * tokensWithin(each, from, to)) / (to - from));
  return {
    streams,
    tokensPerSecond: rates.reduce((sum, rate) => sum + rate, 0),
    fairness: Math.min(...rates) / Math.max(...rates),
    ...(cpu ? { cpu } : {}),
  };
}

function tokensWithin({ textAt, usage }: Timed, from: number, to: number): number {
  const pieces = textAt.filter((at) => at > from && at <= to).length;
  return (pieces * usage.completionTokens) / textAt.length;
}

export interface Beside {
  idleTtftMs: number;
  /** Median and worst of the short requests that came while the long prompt was computed. */
  besideTtftMs: number;
  worstTtftMs: number;
  shortRequests: number;
  /** What the long prompt took meanwhile, and alone. */
  longTtftMs: number;
  longAloneMs: number;
}

export async function measureBesideLongPrompt(
  target: Target,
  prompts: Prompts,
  longTokens: number,
  rounds: number,
): Promise<Beside> {
  let seed = 1;
  const ttft = async (promptTokens: number, outputTokens: number) => {
    const messages = await prompts.make(promptTokens, seed++);
    const { startedAt, textAt } = await timeStream(target, { messages, outputTokens });
    return (textAt[0] ?? Number.NaN) - startedAt;
  };
  const short = () => ttft(SHORT_PROMPT, SHORT_OUTPUT);
  const long = () => ttft(longTokens, 1);
  const idle: number[] = [];
  for (let i = 0; i < rounds; i++) idle.push(await short());
  const longAloneMs = await long();

  const beside: number[] = [];
  const running = long();
  let ended = false;
  const end = running.finally(() => {
    ended = true;
  });
  for (let i = 0; ; i++) {
    await sleep(PAUSES_MS[i % PAUSES_MS.length]);
    const ttftMs = await short();
    if (ended) break; // This one was alone for a part of its time.
    beside.push(ttftMs);
  }
  const { median, max } = summarize(beside);
  return {
    idleTtftMs: summarize(idle).median,
    besideTtftMs: median,
    worstTtftMs: max,
    shortRequests: beside.length,
    longTtftMs: await end,
    longAloneMs,
  };
}
