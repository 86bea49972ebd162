// Wire types of the messages of a chat request.
import { z } from 'zod';
import { listOf, refuse, unsupported } from './fields.js';
import { apiErrors } from './openai-errors.js';
import { functionCall, toolCalls } from './tools.js';

/** Of messages, and of the parts of one: far above what a context holds, far below what keeps the main thread busy. */
const MESSAGE_LIMITS = { minimum: 1, maximum: 16_384 };

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

/** Reasoning comes back under either of its names. */
const assistantMessage = z
  .object({
    role: z.literal('assistant'),
    content: assistantContent.nullish(),
    refusal: z.string().nullish(),
    reasoning_content: z.string().nullish(),
    reasoning: z.string().nullish(),
    name,
    tool_calls: toolCalls.nullish(),
    function_call: functionCall.nullish(),
    audio: unsupported(),
  })
  .superRefine(({ content: said, refusal, tool_calls, function_call }, context) => {
    const says = typeof (said ?? refusal ?? undefined) !== 'undefined';
    const calls = (tool_calls ?? []).length > 0 || Boolean(function_call);
    if (!says && !calls) refuse(context, apiErrors.missingParameter, ['content']);
  });

const message = z.discriminatedUnion('role', [
  z.object({ role: z.literal(['developer', 'system', 'user']), content, name }),
  assistantMessage,
  z.object({ role: z.literal('tool'), content, tool_call_id: z.string() }),
  z.object({ role: z.literal('function'), content: content.nullable(), name: z.string() }),
]);

/** A message of a tool answers a call that was made before it. */
export const chatMessages = listOf(message, MESSAGE_LIMITS).superRefine((messages, context) => {
  const called = new Set<string>();
  for (const [index, one] of messages.entries()) {
    if (one.role === 'assistant') for (const { id } of one.tool_calls ?? []) called.add(id);
    if (one.role !== 'tool' || called.has(one.tool_call_id)) continue;
    refuse(context, apiErrors.unmatchedToolMessage, [index, 'role']);
    return;
  }
});

export type ChatCompletionMessage = z.output<typeof chatMessages>[number];
