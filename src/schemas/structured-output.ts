// Wire types of what a request may hold a reply's text to: OpenAI's `response_format`, vLLM's extensions (`guided_*` and
// their successor `structured_outputs`), and llama.cpp's `grammar`.
import { z } from 'zod';
import { listOf, refuse } from './fields.js';
import { apiErrors } from './openai-errors.js';
import { jsonObject } from './tools.js';

/** Of regular expressions and grammars. */
const MAX_LENGTH = 64 * 1024;
const MAX_WHITESPACE_LENGTH = 256;
const MAX_CHOICES = 1024;
const FORMAT_NAME = '^[a-zA-Z0-9_-]{1,64}$';

const formatName = z.string().superRefine((name, context) => {
  if (!new RegExp(FORMAT_NAME, 'u').test(name)) {
    refuse(context, (param) => apiErrors.patternMismatch(param, FORMAT_NAME));
  }
});

const responseFormat = z.discriminatedUnion('type', [
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
const whitespace = z.string().min(1).max(MAX_WHITESPACE_LENGTH);
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
      disable_any_whitespace: z.boolean().nullish().describe('Nothing stands between the parts of JSON.'),
      whitespace_pattern: whitespace.nullish().describe('An expression of what may stand between the parts of JSON.'),
    })
    .nullish(),
  guided_json: schemaOrText.nullish(),
  guided_regex: source.nullish(),
  guided_choice: choices.nullish(),
  guided_grammar: source.nullish(),
  guided_whitespace_pattern: whitespace.nullish(),
  grammar: source.nullish().describe('As `guided_grammar`: the name that llama.cpp has for it.'),
};

const structuredOutputRequest = z.object(structuredOutputFields);
export type StructuredOutputFields = z.output<typeof structuredOutputRequest>;

const TEXTS = ['json', 'json_object', 'regex', 'choice', 'grammar'] as const;
const GUIDED = ['guided_json', 'guided_regex', 'guided_choice', 'guided_grammar', 'grammar'] as const;
const OF_JSON = ['response_format', 'structured_outputs.json', 'structured_outputs.json_object', 'guided_json'];

const isGiven = (value: unknown) => value !== undefined && value !== null && value !== false;

/** The fields that hold the reply to something: their paths in the request. */
export function constraintPaths(request: StructuredOutputFields): string[] {
  const { response_format: format, structured_outputs: outputs } = request;
  return [
    ...(format && format.type !== 'text' ? ['response_format'] : []),
    ...TEXTS.filter((name) => isGiven(outputs?.[name])).map((name) => `structured_outputs.${name}`),
    ...GUIDED.filter((name) => isGiven(request[name])),
  ];
}

/** The fields that say what may stand between the parts of JSON. */
function whitespacePaths({ structured_outputs: outputs, guided_whitespace_pattern }: StructuredOutputFields): string[] {
  return [
    ...(['disable_any_whitespace', 'whitespace_pattern'] as const)
      .filter((name) => isGiven(outputs?.[name]))
      .map((name) => `structured_outputs.${name}`),
    ...(isGiven(guided_whitespace_pattern) ? ['guided_whitespace_pattern'] : []),
  ];
}

/** Refuses a request that asks for two things, or for a text that ends and for one that does not. */
export function refuseConflicts(
  request: StructuredOutputFields & { ignore_eos?: boolean | null | undefined },
  context: z.core.$RefinementCtx,
): void {
  const [first, second] = constraintPaths(request);
  const [whitespace, other] = whitespacePaths(request);
  const exclusive = (path: string, than: string) =>
    refuse(context, (param) => apiErrors.exclusiveParameters(param, than), path.split('.'));
  if (whitespace !== undefined && !OF_JSON.includes(first ?? '')) {
    refuse(context, apiErrors.whitespaceWithoutJson, whitespace.split('.'));
  }
  if (whitespace !== undefined && other !== undefined) exclusive(other, whitespace);
  if (first === undefined) return;
  if (second !== undefined) exclusive(second, first);
  if (request.ignore_eos) exclusive('ignore_eos', first);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
