// Wire types of what a request may hold a reply's text to: OpenAI's `response_format`, and vLLM's extensions
// (`guided_*` and their successor `structured_outputs`).
import { z } from 'zod';
import { listOf, refuse } from './fields.js';
import { apiErrors } from './openai-errors.js';
import { jsonObject } from './tools.js';

/** Of regular expressions and grammars. */
const MAX_LENGTH = 64 * 1024;
const MAX_CHOICES = 1024;
const FORMAT_NAME = '^[a-zA-Z0-9_-]{1,64}$';

const formatName = z.string().superRefine((name, context) => {
  if (!new RegExp(FORMAT_NAME, 'u').test(name)) {
    refuse(context, (param) => apiErrors.patternMismatch(param, FORMAT_NAME));
  }
});

export const responseFormat = z.discriminatedUnion('type', [
  z.object({ type: z.literal('text') }),
  z.object({ type: z.literal('json_object') }),
  z.object({
    type: z.literal('json_schema'),
    json_schema: z.object({
      name: formatName,
      description: z.string().nullish(),
      schema: jsonObject.nullish(),
      // Schemas are held either way.
      strict: z.boolean().nullish(),
    }),
  }),
]);

/** A schema, or the JSON text of one. */
const schemaOrText = z.union([z.string().max(4 * MAX_LENGTH), jsonObject]).transform((value, context) => {
  if (typeof value !== 'string') return value;
  const parsed = jsonObject.safeParse(parseJson(value), { reportInput: true });
  if (parsed.success) return parsed.data;
  for (const issue of parsed.error.issues) context.issues.push(issue as z.core.$ZodRawIssue);
  return z.NEVER;
});

const source = z.string().min(1).max(MAX_LENGTH);
const choices = listOf(z.string().min(1), { minimum: 1, maximum: MAX_CHOICES });

export const structuredOutputFields = {
  response_format: responseFormat.nullish(),
  structured_outputs: z
    .strictObject({
      json: schemaOrText.nullish(),
      json_object: z.boolean().nullish(),
      regex: source.nullish(),
      choice: choices.nullish(),
      grammar: source.nullish(),
    })
    .nullish(),
  guided_json: schemaOrText.nullish(),
  guided_regex: source.nullish(),
  guided_choice: choices.nullish(),
  guided_grammar: source.nullish(),
};

const structuredOutputRequest = z.object(structuredOutputFields);
export type StructuredOutputFields = z.output<typeof structuredOutputRequest>;

const GUIDED = ['guided_json', 'guided_regex', 'guided_choice', 'guided_grammar'] as const;

/** The fields that hold the reply to something: their paths in the request. */
export function constraintPaths(request: StructuredOutputFields): string[] {
  const { response_format: format, structured_outputs: outputs } = request;
  const isGiven = (value: unknown) => value !== undefined && value !== null && value !== false;
  return [
    ...(format && format.type !== 'text' ? ['response_format'] : []),
    ...Object.entries(outputs ?? {}).flatMap(([name, value]) => (isGiven(value) ? [`structured_outputs.${name}`] : [])),
    ...GUIDED.filter((name) => isGiven(request[name])),
  ];
}

/** Refuses a request that asks for two things, or for a text that ends and for one that does not. */
export function refuseConflicts(
  request: StructuredOutputFields & { ignore_eos?: boolean | null | undefined },
  context: z.core.$RefinementCtx,
): void {
  const [first, second] = constraintPaths(request);
  if (first === undefined) return;
  if (second !== undefined) refuse(context, (param) => apiErrors.exclusiveParameters(param, first), second.split('.'));
  if (request.ignore_eos) refuse(context, (param) => apiErrors.exclusiveParameters(param, first), ['ignore_eos']);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
