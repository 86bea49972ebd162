// POST /v1/chat/completions: the wire's names on one side, the services' on the other. Pure functions.
import { randomUUID } from 'node:crypto';
import type {
  ChatCompletion,
  ChatCompletionChunk,
  ChatCompletionMessage,
  ChatCompletionRequest,
  CompletionUsage,
  WireLogprobs,
  WireTokenLogprob,
} from '../../schemas/chat-completions.js';
import type { ChatMessage, GenerationInput, ScoredText, TextLogprob, Usage } from '../../services/types.js';

const LOWEST_LOGPROB = -9999;

export interface FinishedChoice {
  text: string;
  /** Of all tokens, when asked for. */
  logprobs?: TextLogprob[];
  reason: 'stop' | 'length';
}

/** What all chunks of one reply have in common. */
export interface ReplyHead {
  id: string;
  created: number;
  model: string;
}

/** One input a choice, alike but for the seed: choice i of a seeded request has seed + i. */
export function toGenerationInputs(request: ChatCompletionRequest): GenerationInput[] {
  const messages = request.messages.map(toChatMessage);
  const stop = typeof request.stop === 'string' ? [request.stop] : (request.stop ?? []);
  const maxTokens = request.max_completion_tokens ?? request.max_tokens;
  return Array.from({ length: request.n ?? 1 }, (_, index) => ({
    messages,
    sampling: {
      temperature: request.temperature ?? 1,
      topP: request.top_p ?? 1,
      topK: Math.max(0, request.top_k ?? 0),
      minP: request.min_p ?? 0,
      ...(typeof request.seed === 'number' ? { seed: request.seed + index } : {}),
      ...(request.logprobs ? { logprobs: request.top_logprobs ?? 0 } : {}),
    },
    ...(typeof maxTokens === 'number' ? { maxTokens } : {}),
    stop,
    ignoreEos: request.ignore_eos ?? false,
  }));
}

function toChatMessage(message: ChatCompletionMessage): ChatMessage {
  const named = 'name' in message && typeof message.name === 'string' ? { name: message.name } : {};
  switch (message.role) {
    case 'developer':
      return { role: 'system', content: joinText(message.content), ...named };
    case 'assistant':
      return { role: 'assistant', content: joinText(message.content ?? message.refusal ?? ''), ...named };
    case 'function':
      return { role: 'tool', content: joinText(message.content ?? ''), ...named };
    default:
      return { role: message.role, content: joinText(message.content), ...named };
  }
}

/** Text parts become the lines of one text, as in llama.cpp and vLLM. */
function joinText(content: NonNullable<ChatCompletionMessage['content']>): string {
  if (typeof content === 'string') return content;
  return content
    .flatMap((part) => (part.type === 'text' ? [part.text] : part.type === 'refusal' ? [part.refusal] : []))
    .join('\n');
}

export function newReplyHead(model: string): ReplyHead {
  return {
    id: `chatcmpl-${randomUUID().replaceAll('-', '')}`,
    created: Math.floor(Date.now() / 1000),
    model,
  };
}

/** The choices of a request share one prompt: it counts once, the completions all count. */
export function sumUsage(usages: readonly Usage[]): Usage {
  return {
    promptTokens: usages[0]?.promptTokens ?? 0,
    completionTokens: usages.reduce((sum, usage) => sum + usage.completionTokens, 0),
  };
}

function toWireUsage({ promptTokens, completionTokens }: Usage): CompletionUsage {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
  };
}

function toWireLogprobs(logprobs: readonly TextLogprob[] | undefined): WireLogprobs | null {
  if (!logprobs) return null;
  const content = logprobs.map(({ best, ...own }) => ({ ...toWireToken(own), top_logprobs: best.map(toWireToken) }));
  return { content, refusal: null };
}

/** JSON has no infinities: a token that cannot come has the lowest number that OpenAI gives. */
function toWireToken({ text, bytes, logprob }: ScoredText): WireTokenLogprob {
  return { token: text, logprob: Math.max(logprob, LOWEST_LOGPROB), bytes };
}

export function toChatCompletion(head: ReplyHead, choices: readonly FinishedChoice[], usage: Usage): ChatCompletion {
  return {
    ...head,
    object: 'chat.completion',
    choices: choices.map(({ text, logprobs, reason }, index) => ({
      index,
      message: { role: 'assistant', content: text, refusal: null },
      logprobs: toWireLogprobs(logprobs),
      finish_reason: reason,
    })),
    usage: toWireUsage(usage),
  };
}

function toChunk(
  head: ReplyHead,
  index: number,
  delta: ChatCompletionChunk['choices'][number]['delta'],
  rest: { logprobs?: readonly TextLogprob[] | undefined; reason?: FinishedChoice['reason'] } = {},
): ChatCompletionChunk {
  const { logprobs, reason = null } = rest;
  return {
    ...head,
    object: 'chat.completion.chunk',
    choices: [{ index, delta, logprobs: toWireLogprobs(logprobs), finish_reason: reason }],
  };
}

export function roleChunk(head: ReplyHead, index: number): ChatCompletionChunk {
  return toChunk(head, index, { role: 'assistant', content: '' });
}

export function textChunk(
  head: ReplyHead,
  index: number,
  text: string,
  logprobs?: readonly TextLogprob[],
): ChatCompletionChunk {
  return toChunk(head, index, { content: text }, { logprobs });
}

export function finishChunk(head: ReplyHead, index: number, reason: FinishedChoice['reason']): ChatCompletionChunk {
  return toChunk(head, index, {}, { reason });
}

export function usageChunk(head: ReplyHead, usage: Usage): ChatCompletionChunk {
  return { ...head, object: 'chat.completion.chunk', choices: [], usage: toWireUsage(usage) };
}
