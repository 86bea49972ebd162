// What a chat choice is on the wire: deltas put together to a message, or each to the delta of a chunk. Pure functions.
import type {
  ChatCompletionDelta,
  ChatCompletionReply,
  ChatFinishReason,
  WireLogprobs,
  WireTokenLogprob,
} from '../../schemas/chat-replies.js';
import type { ScoredText, TextLogprob, ToolCall } from '../../services/types.js';
import type { ChoiceDelta } from '../choices.js';

/** The least that OpenAI gives; JSON has no infinities. */
export const LOWEST_LOGPROB = -9999;

/** A choice as far as it has come. */
export interface ChatChoice {
  text: string;
  reasoning: string;
  calls: ToolCall[];
  /** Of all tokens, when asked for. */
  logprobs?: TextLogprob[];
  reason: 'stop' | 'length';
}

export type ReplyDelta = Exclude<ChoiceDelta, { type: 'finish' }>;

export function newChoice(withLogprobs: boolean): ChatChoice {
  return { text: '', reasoning: '', calls: [], reason: 'stop', ...(withLogprobs ? { logprobs: [] } : {}) };
}

export function addDelta(choice: ChatChoice, delta: ReplyDelta): void {
  switch (delta.type) {
    case 'text':
      choice.text += delta.text;
      choice.logprobs?.push(...(delta.logprobs ?? []));
      break;
    case 'reasoning':
      choice.reasoning += delta.text;
      break;
    case 'tool-call':
      choice.calls.push({ id: delta.id, name: delta.name, arguments: '' });
      break;
    case 'tool-arguments': {
      const call = choice.calls[delta.index];
      if (call) call.arguments += delta.text;
    }
  }
}

/** `legacy`: the request offered functions, not tools, so there is one call at the most. */
export function toReply({ text, reasoning, calls }: ChatChoice, legacy: boolean): ChatCompletionReply {
  const wireCalls = calls.map(({ id, ...call }) => ({ id, type: 'function' as const, function: call }));
  const first = wireCalls[0]?.function;
  return {
    role: 'assistant',
    content: text === '' && calls.length > 0 ? null : text,
    refusal: null,
    ...(reasoning === '' ? {} : { reasoning_content: reasoning, reasoning }),
    ...(legacy && first ? { function_call: first } : {}),
    ...(!legacy && wireCalls.length > 0 ? { tool_calls: wireCalls } : {}),
  };
}

export function toReplyDelta(delta: ReplyDelta, legacy: boolean): ChatCompletionDelta {
  switch (delta.type) {
    case 'text':
      return { content: delta.text };
    case 'reasoning':
      return { reasoning_content: delta.text, reasoning: delta.text };
    case 'tool-call': {
      const { index, id, name } = delta;
      if (legacy) return { function_call: { name, arguments: '' } };
      return { tool_calls: [{ index, id, type: 'function', function: { name, arguments: '' } }] };
    }
    case 'tool-arguments':
      if (legacy) return { function_call: { arguments: delta.text } };
      return { tool_calls: [{ index: delta.index, function: { arguments: delta.text } }] };
  }
}

/** A reply that calls has ended to be answered; one that was cut off has not. */
export function toFinishReason(reason: ChatChoice['reason'], calls: boolean, legacy: boolean): ChatFinishReason {
  if (reason !== 'stop' || !calls) return reason;
  return legacy ? 'function_call' : 'tool_calls';
}

export function toWireLogprobs(logprobs: readonly TextLogprob[] | undefined): WireLogprobs | null {
  if (!logprobs) return null;
  const content = logprobs.map(({ best, ...own }) => ({ ...toWireToken(own), top_logprobs: best.map(toWireToken) }));
  return { content, refusal: null };
}

function toWireToken({ text, bytes, logprob }: ScoredText): WireTokenLogprob {
  return { token: text, logprob: Math.max(logprob, LOWEST_LOGPROB), bytes };
}
