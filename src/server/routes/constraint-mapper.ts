// What a request holds the reply's text and its calls to: the wire's fields to the services'. Pure functions.
import type { ChatCompletionRequest } from '../../schemas/chat-completions.js';
import { apiErrors } from '../../schemas/openai-errors.js';
import { constraintPaths, type StructuredOutputFields } from '../../schemas/structured-output.js';
import { chosenTools, demandsCall } from '../../schemas/tools.js';
import { formatPath } from '../../schemas/validation-errors.js';
import { checkSchema, GbnfError, toLark } from '../../services/reply-grammars.js';
import type { GenerationInput, JsonSchema, TextConstraint } from '../../services/types.js';

const ANY_OBJECT = { type: 'object' };

/** Throws ApiError for a schema that cannot be enforced, and for a grammar that cannot be read. */
export function toConstraint(request: StructuredOutputFields): { constraint?: TextConstraint } {
  const json = toJson(request);
  if (json) return { constraint: { type: 'json', schema: json, ...toWhitespace(request) } };
  const { structured_outputs: outputs } = request;
  const pattern = request.guided_regex ?? outputs?.regex;
  if (typeof pattern === 'string') return { constraint: { type: 'regex', pattern } };
  const choices = request.guided_choice ?? outputs?.choice;
  if (choices) return { constraint: { type: 'choice', choices } };
  const grammar = request.guided_grammar ?? outputs?.grammar ?? request.grammar;
  return typeof grammar === 'string' ? { constraint: { type: 'lark', grammar: checkedGrammar(grammar, request) } } : {};
}

function checkedGrammar(grammar: string, request: StructuredOutputFields): string {
  try {
    return toLark(grammar);
  } catch (error) {
    if (!(error instanceof GbnfError)) throw error;
    throw apiErrors.invalidGrammar(constraintPaths(request)[0] ?? 'grammar', `${error.message}.`);
  }
}

/** Which calls the reply must make, or may. Throws ApiError for a strict function whose schema cannot be enforced. */
export function toToolChoice(request: ChatCompletionRequest): Pick<GenerationInput, 'toolChoice'> {
  for (const [index, { function: tool }] of (request.tools ?? []).entries()) {
    if (tool.strict && tool.parameters) refuseProblem(tool.parameters, ['tools', index, 'function', 'parameters']);
  }
  for (const [index, tool] of (request.functions ?? []).entries()) {
    if (tool.strict && tool.parameters) refuseProblem(tool.parameters, ['functions', index, 'parameters']);
  }
  const names = chosenTools(request).map(({ name }) => name);
  const required = demandsCall(request);
  return required || names.length > 0 ? { toolChoice: { required, ...(names.length > 0 ? { names } : {}) } } : {};
}

/** The schema that the text must fit. */
function toJson({ response_format: format, structured_outputs: outputs, guided_json }: StructuredOutputFields) {
  if (format?.type === 'json_object' || outputs?.json_object) return ANY_OBJECT;
  if (format?.type === 'json_schema') {
    return checked(format.json_schema.schema ?? ANY_OBJECT, ['response_format', 'json_schema', 'schema']);
  }
  if (guided_json) return checked(guided_json, ['guided_json']);
  return outputs?.json && checked(outputs.json, ['structured_outputs', 'json']);
}

function toWhitespace({ structured_outputs: outputs, guided_whitespace_pattern }: StructuredOutputFields) {
  const pattern = outputs?.whitespace_pattern ?? guided_whitespace_pattern;
  if (outputs?.disable_any_whitespace) return { whitespace: '' };
  return typeof pattern === 'string' ? { whitespace: pattern } : {};
}

function checked(schema: JsonSchema, path: readonly (string | number)[]): JsonSchema {
  refuseProblem(schema, path);
  return schema;
}

function refuseProblem(schema: JsonSchema, path: readonly (string | number)[]): void {
  const problem = checkSchema(schema);
  if (problem) throw apiErrors.invalidSchema(formatPath([...path, ...problem.path]), problem.message);
}
