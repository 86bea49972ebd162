// Wire types of POST /v1/chat/completions: the request schema, and the shapes of the reply and of its stream. Every
// field of OpenAI's request is decided here: honoured, or refused unless its value changes nothing. Those not named
// are ignored, as clients add their own; among them metadata, store, user, safety_identifier, service_tier,
// prompt_cache_*, verbosity, prediction and moderation, which mean nothing to a local server.
import { z } from 'zod';
import { chatMessages } from './chat-messages.js';
import { integer, listOf, neutralOnly, refuse } from './fields.js';
import { apiErrors } from './openai-errors.js';
import { MAX_CHOICES, samplingFields } from './sampling.js';
import { stopStrings, streamOptions } from './streaming.js';
import {
  functionChoice,
  functionDefinitions,
  jsonObject,
  toolChoice,
  toolDefinitions,
  type WireFunctionCall,
  type WireToolCall,
  type WireToolCallDelta,
} from './tools.js';

const MAX_TOP_LOGPROBS = 20;
const INT32_MAX = 2 ** 31 - 1;

const never = () => false;

export const chatCompletionRequest = z
  .object({
    model: z.string(),
    messages: chatMessages,
    stream: z.boolean().nullish(),
    stream_options: streamOptions,
    n: integer(1, MAX_CHOICES).nullish(),
    max_tokens: integer(1, INT32_MAX).nullish(),
    max_completion_tokens: integer(1, INT32_MAX).nullish(),
    ...samplingFields,
    logprobs: z.boolean().nullish(),
    top_logprobs: integer(0, MAX_TOP_LOGPROBS).nullish(),
    stop: stopStrings,

    // An extension that local servers share.
    ignore_eos: z.boolean().nullish(),

    tools: toolDefinitions.nullish(),
    tool_choice: toolChoice,
    parallel_tool_calls: z.boolean().nullish(),
    // What tools were before they had that name.
    functions: functionDefinitions.nullish(),
    function_call: functionChoice,

    reasoning_effort: z.enum(['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max']).nullish(),
    enable_thinking: z.boolean().nullish(),
    chat_template_kwargs: jsonObject.nullish(),

    // Known and not supported: only values that change nothing.
    response_format: neutralOnly(
      z.looseObject({ type: z.enum(['text', 'json_object', 'json_schema']) }),
      ({ type }) => type === 'text',
      (param, { type }) => apiErrors.unsupportedValue(param, type, "'text'"),
    ),
    modalities: neutralOnly(
      listOf(z.string()),
      (modalities) => modalities.every((modality) => modality === 'text'),
      (param, modalities) => apiErrors.unsupportedValue(param, modalities.join(), "'text'"),
    ),
    audio: neutralOnly(z.unknown(), never),
    web_search_options: neutralOnly(z.unknown(), never),
  })
  .superRefine((request, context) => {
    if (request.stream_options && !request.stream) {
      refuse(context, apiErrors.streamOptionsWithoutStream, ['stream_options']);
    }
    if (request.tools?.length && request.functions?.length) {
      refuse(context, (param) => apiErrors.exclusiveParameters(param, 'tools'), ['functions']);
    }
    if (request.top_logprobs && !request.logprobs) {
      refuse(context, apiErrors.topLogprobsWithoutLogprobs, ['top_logprobs']);
    }
  });

export type ChatCompletionRequest = z.output<typeof chatCompletionRequest>;

export interface CompletionUsage {
  prompt_tokens: number;
  prompt_tokens_details: { cached_tokens: number };
  completion_tokens: number;
  total_tokens: number;
  completion_tokens_details: { reasoning_tokens: number };
}

/** An extension: how long the reply took, as its client sees it. */
export interface WireTimings {
  /** Milliseconds to the first text, thought or call: waiting, templating and prefill. */
  ttft_ms: number;
  /** Tokens of the prompt a second of that time. */
  prefill_tokens_per_second: number;
  /** Tokens after the first of each choice, a second; null where there are none. */
  decode_tokens_per_second: number | null;
}

export interface WireTokenLogprob {
  token: string;
  bytes: readonly number[];
  logprob: number;
}

export interface WireLogprobs {
  content: (WireTokenLogprob & { top_logprobs: WireTokenLogprob[] })[];
  refusal: null;
}

export type ChatFinishReason = 'stop' | 'length' | 'tool_calls' | 'function_call';

/** Reasoning has two names, as clients look for either. */
interface WireReasoning {
  reasoning_content?: string;
  reasoning?: string;
}

export interface ChatCompletionReply extends WireReasoning {
  role: 'assistant';
  /** Null in a reply that only calls. */
  content: string | null;
  refusal: null;
  tool_calls?: WireToolCall[];
  function_call?: WireFunctionCall;
}

export interface ChatCompletionDelta extends WireReasoning {
  role?: 'assistant';
  content?: string;
  tool_calls?: WireToolCallDelta[];
  function_call?: WireToolCallDelta['function'];
}

export interface ChatCompletion {
  id: string;
  object: 'chat.completion';
  created: number;
  model: string;
  choices: {
    index: number;
    message: ChatCompletionReply;
    logprobs: WireLogprobs | null;
    finish_reason: ChatFinishReason;
  }[];
  usage: CompletionUsage;
  timings: WireTimings;
}

export interface ChatCompletionChunk {
  id: string;
  object: 'chat.completion.chunk';
  created: number;
  model: string;
  choices: {
    index: number;
    delta: ChatCompletionDelta;
    logprobs: WireLogprobs | null;
    finish_reason: ChatFinishReason | null;
  }[];
  usage?: CompletionUsage;
  /** Beside the usage. */
  timings?: WireTimings;
}
