// Wire types of tools: their definitions in a request, and the calls of them in messages. Shared by the OpenAI-style APIs.
import { z } from 'zod';
import { listOf, neutralOnly, refuse } from './fields.js';
import { apiErrors } from './openai-errors.js';

const MAX_TOOLS = 256;
/** Calls of one message. */
const MAX_CALLS = 1024;
/** Of JSON in a request that is walked through recursively. */
const MAX_DEPTH = 64;
const TOOL_NAME = '^[a-zA-Z0-9_.:/-]{1,128}$';

const toolName = z.string().superRefine((name, context) => {
  if (!new RegExp(TOOL_NAME, 'u').test(name)) refuse(context, (param) => apiErrors.patternMismatch(param, TOOL_NAME));
});

/** An object of any JSON, of a depth that nothing below stumbles over. */
export const jsonObject = z.record(z.string(), z.unknown()).superRefine((value, context) => {
  if (isDeeper(value, MAX_DEPTH)) refuse(context, (param) => apiErrors.tooDeep(param, MAX_DEPTH));
});

function isDeeper(value: object, limit: number): boolean {
  let level: object[] = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth === limit) return true;
    level = level.flatMap((item) => Object.values(item).filter((part) => typeof part === 'object' && part !== null));
  }
  return false;
}

const functionDefinition = z.object({
  name: toolName,
  description: z.string().nullish(),
  parameters: jsonObject.nullish(),
  // Only a grammar could keep the promise that arguments fit the schema.
  strict: neutralOnly(
    z.boolean(),
    (strict) => !strict,
    (param) => apiErrors.unsupportedValue(param, true, "'false'"),
  ),
});

export const toolDefinitions = listOf(z.object({ type: z.literal('function'), function: functionDefinition }), {
  maximum: MAX_TOOLS,
});

export const functionDefinitions = listOf(functionDefinition, { maximum: MAX_TOOLS });

/** Whether to call is the model's to say: to make it call takes a grammar. */
export const toolChoice = neutralOnly(
  z.union([z.enum(['none', 'auto', 'required']), z.looseObject({ type: z.string() })]),
  (value) => value === 'none' || value === 'auto',
  (param, value) =>
    apiErrors.unsupportedValue(param, typeof value === 'string' ? value : value.type, "'none' or 'auto'"),
);

export const functionChoice = neutralOnly(
  z.union([z.enum(['none', 'auto']), z.looseObject({ name: z.string() })]),
  (value) => typeof value === 'string',
  (param, value) => apiErrors.unsupportedValue(param, (value as { name: string }).name, "'none' or 'auto'"),
);

export const functionCall = z.object({ name: z.string(), arguments: z.string() });

export const toolCall = z.object({ id: z.string(), type: z.literal('function'), function: functionCall });

export const toolCalls = listOf(toolCall, { maximum: MAX_CALLS });

/** What a chunk of a stream tells of a call: its beginning with id and name, later more of its arguments. */
export const toolCallDelta = z.object({
  index: z.int(),
  id: z.string().optional(),
  type: z.literal('function').optional(),
  function: z.object({ name: z.string().optional(), arguments: z.string() }),
});

export type FunctionDefinition = z.output<typeof functionDefinition>;
