// Wire types of tools: their definitions in a request, and the calls of them in messages. Shared by the OpenAI-style APIs.
import { z } from 'zod';
import { listOf, refuse } from './fields.js';
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
  strict: z.boolean().nullish(),
});

export const toolDefinitions = listOf(z.object({ type: z.literal('function'), function: functionDefinition }), {
  maximum: MAX_TOOLS,
});

export const functionDefinitions = listOf(functionDefinition, { maximum: MAX_TOOLS });

const namedFunction = z.object({ type: z.literal('function'), function: z.object({ name: z.string() }) });

export const toolChoice = z
  .union([
    z.enum(['none', 'auto', 'required']),
    z.discriminatedUnion('type', [
      namedFunction,
      z.object({
        type: z.literal('allowed_tools'),
        allowed_tools: z.object({
          mode: z.enum(['auto', 'required']),
          tools: listOf(namedFunction, { minimum: 1, maximum: MAX_TOOLS }),
        }),
      }),
    ]),
  ])
  .nullish();

export const functionChoice = z.union([z.enum(['none', 'auto']), z.object({ name: z.string() })]).nullish();

interface Offer {
  tools?: { function: { name: string } }[] | null | undefined;
  functions?: { name: string }[] | null | undefined;
  tool_choice?: z.output<typeof toolChoice>;
  function_call?: z.output<typeof functionChoice>;
}

/** The names of the tools that a choice allows, by their places in it; none where it allows all. */
export function chosenTools({
  tool_choice: choice,
  function_call: legacy,
}: Offer): { name: string; path: PropertyKey[] }[] {
  if (typeof legacy === 'object' && legacy !== null) return [{ name: legacy.name, path: ['function_call', 'name'] }];
  if (typeof choice !== 'object' || choice === null) return [];
  if (choice.type === 'function') return [{ name: choice.function.name, path: ['tool_choice', 'function', 'name'] }];
  return choice.allowed_tools.tools.map((tool, index) => ({
    name: tool.function.name,
    path: ['tool_choice', 'allowed_tools', 'tools', index, 'function', 'name'],
  }));
}

/** Whether a choice demands a call. */
export function demandsCall({ tool_choice: choice, function_call: legacy }: Offer): boolean {
  if (typeof legacy === 'object' && legacy !== null) return true;
  if (typeof choice !== 'object' || choice === null) return choice === 'required';
  return choice.type === 'function' || choice.allowed_tools.mode === 'required';
}

/** Refuses a choice of a tool that is not there. */
export function refuseUnknownChoice(offer: Offer, context: z.core.$RefinementCtx): void {
  const offered = [
    ...(offer.tools ?? []).map((tool) => tool.function.name),
    ...(offer.functions ?? []).map((one) => one.name),
  ];
  const unknown = chosenTools(offer).find(({ name }) => !offered.includes(name));
  if (unknown) refuse(context, (param) => apiErrors.unknownTool(param, unknown.name), unknown.path);
  else if (demandsCall(offer) && offered.length === 0) {
    refuse(context, (param) => apiErrors.choiceWithoutTools(param), ['tool_choice']);
  }
}

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
