// Wire type of a request to POST /v1/chat/completions; what it answers is in chat-replies.ts. Every field of OpenAI's is
// decided here: honoured, ignored, or refused unless its value changes nothing. Others are ignored, as clients add
// their own.
import { z } from 'zod';
import { chatMessages } from './chat-messages.js';
import { INT32_MAX, ignored, integer, listOf, neutralOnly, refuse, unsupported } from './fields.js';
import { apiErrors } from './openai-errors.js';
import { reasoningFields, refuseDoubleReasoning } from './reasoning.js';
import { cacheSalt, MAX_CHOICES, samplingFields } from './sampling.js';
import { stopStrings, streamOptions } from './streaming.js';
import { refuseConflicts, structuredOutputFields } from './structured-output.js';
import {
  functionChoice,
  functionDefinitions,
  jsonObject,
  refuseUnknownChoice,
  toolChoice,
  toolDefinitions,
} from './tools.js';

const MAX_TOP_LOGPROBS = 20;

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
    cache_salt: cacheSalt,
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

    ...structuredOutputFields,

    ...reasoningFields,
    chat_template_kwargs: jsonObject.nullish(),

    // Known and not supported: only values that change nothing.
    modalities: neutralOnly(
      listOf(z.string()),
      (modalities) => modalities.every((modality) => modality === 'text'),
      (param, modalities) => apiErrors.unsupportedValue(param, modalities.join(), "'text'"),
    ),
    audio: unsupported(),
    web_search_options: unsupported(),

    ...ignored(
      'metadata',
      'store',
      'user',
      'safety_identifier',
      'service_tier',
      'verbosity',
      'prediction',
      'moderation',
    ),
    ...ignored('prompt_cache_key', 'prompt_cache_options', 'prompt_cache_retention'),
  })
  .superRefine((request, context) => {
    if (request.stream_options && !request.stream) {
      refuse(context, apiErrors.streamOptionsWithoutStream, ['stream_options']);
    }
    if (request.tools?.length && request.functions?.length) {
      refuse(context, (param) => apiErrors.exclusiveParameters(param, 'tools'), ['functions']);
    }
    refuseDoubleReasoning(request, context);
    refuseConflicts(request, context);
    refuseUnknownChoice(request, context);
    if (request.top_logprobs && !request.logprobs) {
      refuse(context, apiErrors.topLogprobsWithoutLogprobs, ['top_logprobs']);
    }
  });

export type ChatCompletionRequest = z.output<typeof chatCompletionRequest>;
