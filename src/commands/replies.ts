// What one reply and a conversation have in common: flags to a generation, and its figures to a line.
import type { TimedReply } from '../services/reply.js';
import type { ChatMessage, GenerationInput } from '../services/types.js';
import { formatDuration } from '../terminal/format.js';
import { styleFor } from '../terminal/style.js';

export interface ReplyFlags {
  system?: string;
  temperature: number;
  topP: number;
  topK: number;
  minP: number;
  repetitionPenalty: number;
  presencePenalty: number;
  frequencyPenalty: number;
  maxTokens?: number;
  seed?: number;
}

export function toInput(messages: readonly ChatMessage[], flags: ReplyFlags): GenerationInput {
  const { system, maxTokens, seed, temperature, topP, topK, minP } = flags;
  const { repetitionPenalty, presencePenalty, frequencyPenalty } = flags;
  const penalties = { repetitionPenalty, presencePenalty, frequencyPenalty };
  return {
    messages: system === undefined ? messages : [{ role: 'system', content: system }, ...messages],
    sampling: { temperature, topP, topK, minP, ...penalties, ...(seed === undefined ? {} : { seed }) },
    ...(maxTokens === undefined ? {} : { maxTokens }),
    stop: [],
    ignoreEos: false,
  };
}

/** `8 tokens, 41.3 tokens/s, first after 350 ms`, and why the reply is not whole. */
export function describeReply({ usage, tokensPerSecond, ttftMs, finishReason }: TimedReply): string {
  const { completionTokens: count } = usage;
  const parts = [
    `${count} ${count === 1 ? 'token' : 'tokens'}`,
    ...(tokensPerSecond === undefined ? [] : [`${tokensPerSecond.toFixed(1)} tokens/s`]),
    ...(ttftMs === undefined ? [] : [`first after ${formatDuration(ttftMs)}`]),
    ...(finishReason === 'length' ? ['ended by the token limit'] : []),
    ...(finishReason === 'cancelled' ? ['cancelled'] : []),
  ];
  return styleFor(process.stderr).dim(parts.join(', '));
}
