// Wire types of POST /v1/chat/completions: the request schema, and the shapes of the reply and of its stream. Every
// field of OpenAI's request is decided here: honoured, or refused unless its value changes nothing. Those not named
// are ignored, as clients add their own; among them metadata, store, user, safety_identifier, service_tier,
// prompt_cache_*, verbosity, prediction and moderation, which mean nothing to a local server.
import { z } from 'zod';
import { decimal, integer, listOf, neutralOnly, refuse } from './fields.js';
import { apiErrors } from './openai-errors.js';

const MAX_CHOICES = 16;
/** Of messages, and of the parts of one: far above what a context holds, far below what keeps the main thread busy. */
const MESSAGE_LIMITS = { minimum: 1, maximum: 16_384 };
/** Choice i has seed + i, which must stay exact. */
const MAX_SEED = Number.MAX_SAFE_INTEGER - MAX_CHOICES;
const MAX_TOP_LOGPROBS = 20;
const MAX_STOPS = 4;
const MAX_STOP_LENGTH = 1024;
const INT32_MAX = 2 ** 31 - 1;

const textPart = z.object({ type: z.literal('text'), text: z.string() });
const refusalPart = z.object({ type: z.literal('refusal'), refusal: z.string() });
const mediaPart = z
  .object({ type: z.literal(['image_url', 'input_audio', 'file']) })
  .superRefine(({ type }, context) => refuse(context, (param) => apiErrors.unsupportedContent(param, type), ['type']));

const part = z.discriminatedUnion('type', [textPart, mediaPart]);
const assistantPart = z.discriminatedUnion('type', [textPart, refusalPart, mediaPart]);
const content = z.union([z.string(), listOf(part, MESSAGE_LIMITS)]);
const assistantContent = z.union([z.string(), listOf(assistantPart, MESSAGE_LIMITS)]);
const name = z.string().nullish();
const stopString = z.string().min(1).max(MAX_STOP_LENGTH);

const never = () => false;
const isEmpty = (value: readonly unknown[]) => value.length === 0;
const isFalse = (value: boolean) => !value;
const isZero = (value: number) => value === 0;

const assistantMessage = z
  .object({
    role: z.literal('assistant'),
    content: assistantContent.nullish(),
    refusal: z.string().nullish(),
    name,
    tool_calls: neutralOnly(z.array(z.unknown()), isEmpty),
    function_call: neutralOnly(z.unknown(), never),
    audio: neutralOnly(z.unknown(), never),
  })
  .superRefine((message, context) => {
    if (message.content === null || message.content === undefined) {
      if (typeof message.refusal !== 'string') refuse(context, apiErrors.missingParameter, ['content']);
    }
  });

/** Tool calls in assistant messages are refused above, so a tool message never has the call that it must answer. */
const toolMessage = z
  .object({ role: z.literal('tool'), content, tool_call_id: z.string() })
  .superRefine((_, context) => refuse(context, apiErrors.unmatchedToolMessage, ['role']));

const message = z.discriminatedUnion('role', [
  z.object({ role: z.literal(['developer', 'system', 'user']), content, name }),
  assistantMessage,
  toolMessage,
  z.object({ role: z.literal('function'), content: content.nullable(), name: z.string() }),
]);

const penalty = neutralOnly(decimal(-2, 2), isZero, (param, value) => apiErrors.unsupportedValue(param, value, "'0'"));
const toolChoice = neutralOnly(
  z.union([z.enum(['none', 'auto', 'required']), z.looseObject({ type: z.string() })]),
  (value) => value === 'none' || value === 'auto',
);

export const chatCompletionRequest = z
  .object({
    model: z.string(),
    messages: listOf(message, MESSAGE_LIMITS),
    stream: z.boolean().nullish(),
    stream_options: z
      .object({
        include_usage: z.boolean().nullish(),
        include_obfuscation: neutralOnly(z.boolean(), isFalse),
      })
      .nullish(),
    n: integer(1, MAX_CHOICES).nullish(),
    max_tokens: integer(1, INT32_MAX).nullish(),
    max_completion_tokens: integer(1, INT32_MAX).nullish(),
    temperature: decimal(0, 2).nullish(),
    top_p: decimal(0, 1).nullish(),
    seed: integer(-MAX_SEED, MAX_SEED).nullish(),
    logprobs: z.boolean().nullish(),
    top_logprobs: integer(0, MAX_TOP_LOGPROBS).nullish(),
    stop: z.union([stopString, listOf(stopString, { maximum: MAX_STOPS })]).nullish(),

    // Extensions that local servers share; -1 is another spelling of "off" for top_k.
    top_k: integer(-1, INT32_MAX).nullish(),
    min_p: decimal(0, 1).nullish(),
    ignore_eos: z.boolean().nullish(),

    // Known and not supported: only values that change nothing.
    frequency_penalty: penalty,
    presence_penalty: penalty,
    logit_bias: neutralOnly(z.record(z.string(), z.unknown()), (bias) => isEmpty(Object.keys(bias))),
    tools: neutralOnly(z.array(z.unknown()), isEmpty),
    tool_choice: toolChoice,
    parallel_tool_calls: z.boolean().nullish(),
    functions: neutralOnly(z.array(z.unknown()), isEmpty),
    function_call: neutralOnly(z.unknown(), (value) => value === 'none' || value === 'auto'),
    response_format: neutralOnly(
      z.looseObject({ type: z.enum(['text', 'json_object', 'json_schema']) }),
      ({ type }) => type === 'text',
      (param, { type }) => apiErrors.unsupportedValue(param, type, "'text'"),
    ),
    reasoning_effort: neutralOnly(
      z.string(),
      (effort) => effort === 'none',
      (param, effort) => apiErrors.unsupportedValue(param, effort, "'none'"),
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
    if (request.top_logprobs && !request.logprobs) {
      refuse(context, apiErrors.topLogprobsWithoutLogprobs, ['top_logprobs']);
    }
  });

export type ChatCompletionRequest = z.output<typeof chatCompletionRequest>;
export type ChatCompletionMessage = ChatCompletionRequest['messages'][number];

export interface CompletionUsage {
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
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

export interface ChatCompletion {
  id: string;
  object: 'chat.completion';
  created: number;
  model: string;
  choices: {
    index: number;
    message: { role: 'assistant'; content: string; refusal: null };
    logprobs: WireLogprobs | null;
    finish_reason: 'stop' | 'length';
  }[];
  usage: CompletionUsage;
}

export interface ChatCompletionChunk {
  id: string;
  object: 'chat.completion.chunk';
  created: number;
  model: string;
  choices: {
    index: number;
    delta: { role?: 'assistant'; content?: string };
    logprobs: WireLogprobs | null;
    finish_reason: 'stop' | 'length' | null;
  }[];
  usage?: CompletionUsage;
}
