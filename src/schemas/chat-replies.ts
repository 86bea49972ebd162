// Wire types of what POST /v1/chat/completions answers: a whole reply, or the chunks of its stream.
import { z } from 'zod';
import { obfuscation } from './streaming.js';
import { functionCall, toolCall, toolCallDelta } from './tools.js';
import { completionUsage, wireTimings } from './usage.js';

const tokenLogprob = z.object({
  token: z.string(),
  bytes: z.array(z.int()).readonly(),
  logprob: z.number(),
});

const logprobs = z
  .object({
    content: z.array(tokenLogprob.extend({ top_logprobs: z.array(tokenLogprob) })),
    refusal: z.null(),
  })
  .describe('Of all tokens as the model wrote them, reasoning and calls included.');

/** Reasoning has two names, as clients look for either. */
const reasoning = { reasoning_content: z.string().optional(), reasoning: z.string().optional() };

const chatFinishReason = z.enum(['stop', 'length', 'tool_calls', 'function_call']);

const chatReply = z.object({
  role: z.literal('assistant'),
  content: z.string().nullable().describe('Null in a reply that only calls.'),
  refusal: z.null(),
  ...reasoning,
  tool_calls: z.array(toolCall).optional(),
  function_call: functionCall.optional(),
});

const chatDelta = z.object({
  role: z.literal('assistant').optional(),
  content: z.string().optional(),
  ...reasoning,
  tool_calls: z.array(toolCallDelta).optional(),
  function_call: toolCallDelta.shape.function.optional(),
});

const head = { id: z.string(), created: z.int().describe('Unix seconds.'), model: z.string() };

export const chatCompletion = z.object({
  ...head,
  object: z.literal('chat.completion'),
  choices: z.array(
    z.object({
      index: z.int(),
      message: chatReply,
      logprobs: logprobs.nullable(),
      finish_reason: chatFinishReason,
    }),
  ),
  usage: completionUsage,
  timings: wireTimings,
});

export const chatCompletionChunk = z.object({
  ...head,
  object: z.literal('chat.completion.chunk'),
  choices: z.array(
    z.object({
      index: z.int(),
      delta: chatDelta,
      logprobs: logprobs.nullable(),
      finish_reason: chatFinishReason.nullable(),
    }),
  ),
  usage: completionUsage.optional().describe('In the last chunk, when `stream_options.include_usage` asks for it.'),
  timings: wireTimings.optional(),
  obfuscation: obfuscation.optional(),
});

export type WireTokenLogprob = z.output<typeof tokenLogprob>;
export type WireLogprobs = z.output<typeof logprobs>;
export type ChatFinishReason = z.output<typeof chatFinishReason>;
export type ChatCompletionReply = z.output<typeof chatReply>;
export type ChatCompletionDelta = z.output<typeof chatDelta>;
export type ChatCompletion = z.output<typeof chatCompletion>;
export type ChatCompletionChunk = z.output<typeof chatCompletionChunk>;
