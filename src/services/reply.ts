// One reply read to its end, and how long it took.
import type { FinishReason } from '../engine/types.js';
import type { TextDelta, Usage } from './types.js';

export interface Reply {
  text: string;
  /** What the model thought before, where it marks that. */
  reasoning?: string;
  finishReason: FinishReason;
  usage: Usage;
}

export interface TimedReply extends Reply {
  /** From the call to the first text or reasoning; undefined for a reply without any. */
  ttftMs?: number;
  /** Of the tokens after the first; undefined for fewer than two. */
  tokensPerSecond?: number;
}

/** Reads all deltas of a reply without tools. `onText` and `onReasoning` are called with each piece as it comes. */
export async function readReply(
  deltas: AsyncIterable<TextDelta>,
  onText: (text: string) => void = () => {},
  onReasoning: (text: string) => void = () => {},
): Promise<TimedReply> {
  const started = performance.now();
  let firstAt: number | undefined;
  let text = '';
  let reasoning = '';
  for await (const delta of deltas) {
    if (delta.type === 'finish') {
      const { reason: finishReason, usage } = delta;
      const thought = reasoning === '' ? {} : { reasoning };
      return { text, ...thought, finishReason, usage, ...timing(started, firstAt, usage.completionTokens) };
    }
    firstAt ??= performance.now();
    if (delta.type === 'text') {
      text += delta.text;
      onText(delta.text);
    } else if (delta.type === 'reasoning') {
      reasoning += delta.text;
      onReasoning(delta.text);
    }
  }
  throw new Error('the reply ended without its last event');
}

function timing(
  started: number,
  firstAt: number | undefined,
  tokens: number,
): Pick<TimedReply, 'ttftMs' | 'tokensPerSecond'> {
  if (firstAt === undefined) return {};
  const seconds = (performance.now() - firstAt) / 1000;
  return {
    ttftMs: firstAt - started,
    ...(tokens > 1 && seconds > 0 ? { tokensPerSecond: (tokens - 1) / seconds } : {}),
  };
}
