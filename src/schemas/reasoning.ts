// The fields that say how a model thinks before it answers: OpenAI's, and those that local servers and OpenRouter have.
import { z } from 'zod';
import { INT32_MAX, integer, neutralOnly, refuse } from './fields.js';
import { apiErrors } from './openai-errors.js';

const effort = z.enum(['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max']);
const budget = integer(0, INT32_MAX);

export const reasoningFields = {
  reasoning_effort: effort.nullish(),
  enable_thinking: z.boolean().nullish().describe('An extension: whether the model thinks.'),
  thinking_budget: budget
    .nullish()
    .describe('An extension: tokens of reasoning; then the thought is ended, and the answer goes on.'),
  max_thinking_tokens: budget.nullish().describe('An extension: another name for `thinking_budget`.'),
  reasoning: z
    .object({
      effort: effort.nullish(),
      enabled: z.boolean().nullish(),
      max_tokens: budget.nullish(),
      exclude: neutralOnly(z.boolean(), (excludes) => !excludes),
    })
    .nullish()
    .describe('An extension: the fields above as OpenRouter names them.'),
};

/** Names of one thing. */
const SYNONYMS = [
  ['reasoning_effort', 'reasoning.effort'],
  ['enable_thinking', 'reasoning.enabled'],
  ['thinking_budget', 'max_thinking_tokens', 'reasoning.max_tokens'],
] as const;

const reasoningRequest = z.object(reasoningFields);
export type ReasoningFields = z.output<typeof reasoningRequest>;

/** One thing is said once. */
export function refuseDoubleReasoning(request: ReasoningFields, context: z.core.$RefinementCtx): void {
  for (const names of SYNONYMS) {
    const [first, second] = names.filter((name) => (valueAt(request, name) ?? undefined) !== undefined);
    if (first === undefined || second === undefined) continue;
    refuse(context, (param) => apiErrors.exclusiveParameters(param, first), second.split('.'));
  }
}

function valueAt(request: Readonly<Record<string, unknown>>, name: string): unknown {
  const [field = '', part] = name.split('.');
  const value = request[field];
  return part === undefined ? value : (value as Record<string, unknown> | null | undefined)?.[part];
}
