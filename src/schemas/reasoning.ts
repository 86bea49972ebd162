// The fields that say how a model thinks before it answers: OpenAI's, and those that local servers and OpenRouter have.
import { z } from 'zod';
import { integer, neutralOnly, refuse } from './fields.js';
import { apiErrors } from './openai-errors.js';

const INT32_MAX = 2 ** 31 - 1;

const effort = z.enum(['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max']);
const budget = integer(0, INT32_MAX);

export const reasoningFields = {
  reasoning_effort: effort.nullish(),
  enable_thinking: z.boolean().nullish().describe('An extension: whether the model thinks.'),
  thinking_budget: budget
    .nullish()
    .describe('An extension: tokens of reasoning; then the thought is ended, and the answer goes on.'),
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

/** A part of `reasoning`, and the field that says the same. */
const SYNONYMS = [
  ['effort', 'reasoning_effort'],
  ['enabled', 'enable_thinking'],
  ['max_tokens', 'thinking_budget'],
] as const;

const reasoningRequest = z.object(reasoningFields);
export type ReasoningFields = z.output<typeof reasoningRequest>;

/** One thing is said once. */
export function refuseDoubleReasoning(request: ReasoningFields, context: z.core.$RefinementCtx): void {
  for (const [part, field] of SYNONYMS) {
    if ((request.reasoning?.[part] ?? undefined) === undefined || (request[field] ?? undefined) === undefined) continue;
    refuse(context, (param) => apiErrors.exclusiveParameters(param, field), ['reasoning', part]);
  }
}
