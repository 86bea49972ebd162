// POST /v1/chat/completions: the wire's names on one side, the services' on the other. Pure functions.
import { randomUUID } from 'node:crypto';
import type { ChatCompletionRequest } from '../../schemas/chat-completions.js';
import type {
  ChatCompletion,
  ChatCompletionChunk,
  ChatCompletionDelta,
  ChatFinishReason,
} from '../../schemas/chat-replies.js';
import type { CompletionUsage, WireTimings } from '../../schemas/usage.js';
import type { GenerationInput, TextLogprob, Usage } from '../../services/types.js';
import { toChatMessages, toTools } from './chat-messages-mapper.js';
import {
  type ChatChoice,
  type ReplyDelta,
  toFinishReason,
  toReply,
  toReplyDelta,
  toWireLogprobs,
} from './chat-reply-mapper.js';
import { toConstraint, toToolChoice } from './constraint-mapper.js';
import { toSampling } from './sampling-mapper.js';

/** What all chunks of one reply have in common. */
export interface ReplyHead {
  id: string;
  created: number;
  model: string;
}

/** One input a choice, alike but for the seed; they share their prompt. */
export function toGenerationInputs(request: ChatCompletionRequest): GenerationInput[] {
  const stop = typeof request.stop === 'string' ? [request.stop] : (request.stop ?? []);
  const maxTokens = request.max_completion_tokens ?? request.max_tokens;
  const count = request.n ?? 1;
  const shared = {
    messages: toChatMessages(request.messages),
    ...(typeof maxTokens === 'number' ? { maxTokens } : {}),
    stop,
    ignoreEos: request.ignore_eos ?? false,
    ...toConstraint(request),
    ...toolsOf(request),
    ...thinkingOf(request),
    ...(count > 1 ? { group: {} } : {}),
    ...(typeof request.cache_salt === 'string' ? { cacheSalt: request.cache_salt } : {}),
  };
  return Array.from({ length: count }, (_, index) => ({
    ...shared,
    sampling: {
      ...toSampling(request, index),
      ...(request.logprobs ? { logprobs: request.top_logprobs ?? 0 } : {}),
    },
  }));
}

/** Whether calls go out in the form that they had before tools. */
export function isLegacy({ functions }: ChatCompletionRequest): boolean {
  return (functions ?? []).length > 0;
}

function toolsOf(request: ChatCompletionRequest): Pick<GenerationInput, 'tools' | 'parallelCalls' | 'toolChoice'> {
  const tools = toTools(request);
  const single = request.parallel_tool_calls === false || isLegacy(request) || namesOneCall(request);
  if (tools.length === 0) return {};
  return { tools, ...(single ? { parallelCalls: false } : {}), ...toToolChoice(request) };
}

/** A choice of one function is OpenAI's for exactly one call of it. */
function namesOneCall({ tool_choice }: ChatCompletionRequest): boolean {
  return typeof tool_choice === 'object' && tool_choice?.type === 'function';
}

type Thinking = Pick<GenerationInput, 'reasoningEffort' | 'thinkingBudget' | 'templateVariables'>;

function thinkingOf({ reasoning, chat_template_kwargs, ...request }: ChatCompletionRequest): Thinking {
  const effort = request.reasoning_effort ?? reasoning?.effort;
  const enable_thinking = request.enable_thinking ?? reasoning?.enabled;
  const budget = request.thinking_budget ?? request.max_thinking_tokens ?? reasoning?.max_tokens;
  const thinking = typeof enable_thinking === 'boolean' ? { enable_thinking } : {};
  const templateVariables = { ...thinking, ...chat_template_kwargs };
  return {
    ...(effort ? { reasoningEffort: effort } : {}),
    ...(typeof budget === 'number' ? { thinkingBudget: budget } : {}),
    ...(Object.keys(templateVariables).length > 0 ? { templateVariables } : {}),
  };
}

export function newReplyHead(model: string): ReplyHead {
  return {
    id: `chatcmpl-${randomUUID().replaceAll('-', '')}`,
    created: Math.floor(Date.now() / 1000),
    model,
  };
}

/**
 * The choices of a request share one prompt: it counts once, and as cached what all of them found so; the completions
 * all count.
 */
export function sumUsage(usages: readonly Usage[]): Usage {
  return {
    promptTokens: usages[0]?.promptTokens ?? 0,
    cachedTokens: Math.min(...usages.map((usage) => usage.cachedTokens)),
    completionTokens: usages.reduce((sum, usage) => sum + usage.completionTokens, 0),
    reasoningTokens: usages.reduce((sum, usage) => sum + (usage.reasoningTokens ?? 0), 0),
  };
}

export function toWireUsage({
  promptTokens,
  cachedTokens,
  completionTokens,
  reasoningTokens = 0,
}: Usage): CompletionUsage {
  return {
    prompt_tokens: promptTokens,
    prompt_tokens_details: { cached_tokens: cachedTokens },
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    completion_tokens_details: { reasoning_tokens: reasoningTokens },
  };
}

export interface ReplyEnd {
  usage: Usage;
  timings: WireTimings;
  legacy: boolean;
}

export function toChatCompletion(
  head: ReplyHead,
  choices: readonly ChatChoice[],
  { usage, timings, legacy }: ReplyEnd,
): ChatCompletion {
  return {
    ...head,
    object: 'chat.completion',
    choices: choices.map((choice, index) => ({
      index,
      message: toReply(choice, legacy),
      logprobs: toWireLogprobs(choice.logprobs),
      finish_reason: toFinishReason(choice.reason, choice.calls.length > 0, legacy),
    })),
    usage: toWireUsage(usage),
    timings,
  };
}

function toChunk(
  head: ReplyHead,
  index: number,
  delta: ChatCompletionDelta,
  rest: { logprobs?: readonly TextLogprob[] | undefined; reason?: ChatFinishReason } = {},
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

export function deltaChunk(head: ReplyHead, index: number, delta: ReplyDelta, legacy: boolean): ChatCompletionChunk {
  const logprobs = delta.type === 'text' ? delta.logprobs : undefined;
  return toChunk(head, index, toReplyDelta(delta, legacy), { logprobs });
}

export function finishChunk(head: ReplyHead, index: number, reason: ChatFinishReason): ChatCompletionChunk {
  return toChunk(head, index, {}, { reason });
}

export function usageChunk(head: ReplyHead, usage: Usage, timings: WireTimings): ChatCompletionChunk {
  return { ...head, object: 'chat.completion.chunk', choices: [], usage: toWireUsage(usage), timings };
}
