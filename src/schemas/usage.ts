// What every reply tells of its cost: tokens, and time. Shared by the OpenAI-style routes.
import { z } from 'zod';

export const completionUsage = z
  .object({
    prompt_tokens: z.int(),
    prompt_tokens_details: z.object({ cached_tokens: z.int() }),
    completion_tokens: z.int(),
    total_tokens: z.int(),
    completion_tokens_details: z.object({ reasoning_tokens: z.int() }),
  })
  .describe('A prompt counts once, however many choices it has.');

export const wireTimings = z
  .object({
    ttft_ms: z.number().describe('Milliseconds to the first text, thought or call: waiting, templating and prefill.'),
    prefill_tokens_per_second: z.number().describe('Tokens of the prompt a second of that time.'),
    decode_tokens_per_second: z
      .number()
      .nullable()
      .describe('Tokens after the first of each choice, a second; null where there are none.'),
    cached_tokens: z.int().describe('Tokens of the prompt that were not computed, but found in the prefix cache.'),
  })
  .describe('An extension: how long the reply took, as its client sees it.');

export type CompletionUsage = z.output<typeof completionUsage>;
export type WireTimings = z.output<typeof wireTimings>;
