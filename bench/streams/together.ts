// Several streams at once: tokens of all a second, how evenly they come, and a short request beside a long prompt.
import { summarize } from '../peers/stats.js';
import type { Prompts } from '../speed/prompts.js';
import { type Target, type Timed, timeStream } from './stream.js';

const SHORT_PROMPT = 64;
const SHORT_OUTPUT = 8;

export interface Width {
  streams: number;
  /** Of all streams, while all of them run. */
  tokensPerSecond: number;
  /** The slowest stream's rate over the fastest one's. */
  fairness: number;
}

export async function measureWidth(
  target: Target,
  prompts: Prompts,
  streams: number,
  outputTokens: number,
): Promise<Width> {
  const messages = [];
  for (let i = 0; i < streams; i++) messages.push(await prompts.make(SHORT_PROMPT, 1000 * streams + i));
  const timed = await Promise.all(messages.map((each) => timeStream(target, each, outputTokens)));
  const from = Math.max(...timed.map(({ textAt }) => textAt[0] ?? 0));
  const to = Math.min(...timed.map(({ textAt }) => textAt.at(-1) ?? 0));
  const rates = timed.map((each) => (1000 * tokensWithin(each, from, to)) / (to - from));
  return {
    streams,
    tokensPerSecond: rates.reduce((sum, rate) => sum + rate, 0),
    fairness: Math.min(...rates) / Math.max(...rates),
  };
}

function tokensWithin({ textAt, tokens }: Timed, from: number, to: number): number {
  const pieces = textAt.filter((at) => at > from && at <= to).length;
  return (pieces * tokens) / textAt.length;
}

export interface Beside {
  idleTtftMs: number;
  /** Median and worst of the short requests that came, one after another, while the long prompt was computed. */
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
  const short = async () => timeStream(target, await prompts.make(SHORT_PROMPT, seed++), SHORT_OUTPUT);
  const long = async () => timeStream(target, await prompts.make(longTokens, seed++), 1);
  const idle: number[] = [];
  for (let i = 0; i < rounds; i++) idle.push((await short()).ttftMs);
  const { ttftMs: longAloneMs } = await long();

  const beside: number[] = [];
  const running = long();
  let ended = false;
  const end = running.finally(() => {
    ended = true;
  });
  for (;;) {
    const { ttftMs } = await short();
    if (ended) break; // This one was alone for a part of its time.
    beside.push(ttftMs);
  }
  const { median, max } = summarize(beside);
  return {
    idleTtftMs: summarize(idle).median,
    besideTtftMs: median,
    worstTtftMs: max,
    shortRequests: beside.length,
    longTtftMs: (await end).ttftMs,
    longAloneMs,
  };
}
