// Wire types of POST /v1/completions: the request schema, and the shapes of the reply and of its stream.
import { z } from 'zod';
import type { CompletionUsage, WireTimings } from './chat-completions.js';
import { integer, listOf, refuse } from './fields.js';
import { apiErrors } from './openai-errors.js';
import { MAX_CHOICES, samplingFields } from './sampling.js';
import { stopStrings, streamOptions } from './streaming.js';

const MAX_LOGPROBS = 5;
/** Generations of a request: each prompt has all its candidates. */
const MAX_GENERATIONS = 128;
const INT32_MAX = 2 ** 31 - 1;

const tokens = listOf(integer(0, INT32_MAX), { minimum: 1 });
const limits = { minimum: 1, maximum: MAX_GENERATIONS };

/** One prompt or several, as text or as tokens; numbers in a list are the tokens of one. */
const prompt = z.union([z.string(), z.array(z.unknown()).min(1)]).transform((value, context) => {
  if (typeof value === 'string') return [value];
  const [first] = value;
  const schema =
    typeof first === 'number' ? tokens.transform((one) => [one]) : listOf(z.union([z.string(), tokens]), limits);
  const result = (schema as z.ZodType<(string | number[])[]>).safeParse(value, { reportInput: true });
  if (result.success) return result.data;
  for (const issue of result.error.issues) context.issues.push(issue as z.core.$ZodRawIssue);
  return z.NEVER;
});

export const completionRequest = z
  .object({
    model: z.string(),
    prompt,
    suffix: z.string().nullish(),
    stream: z.boolean().nullish(),
    stream_options: streamOptions,
    n: integer(1, MAX_CHOICES).nullish(),
    best_of: integer(1, MAX_CHOICES).nullish(),
    max_tokens: integer(0, INT32_MAX).nullish(),
    ...samplingFields,
    logprobs: integer(0, MAX_LOGPROBS).nullish(),
    echo: z.boolean().nullish(),
    stop: stopStrings,
    ignore_eos: z.boolean().nullish(),
  })
  .superRefine((request, context) => {
    const { prompt: prompts, stream, stream_options, n, best_of, echo, logprobs, suffix } = request;
    if (stream_options && !stream) refuse(context, apiErrors.streamOptionsWithoutStream, ['stream_options']);
    if (typeof best_of === 'number' && best_of < (n ?? 1)) {
      refuse(context, (param) => apiErrors.belowMinimum(param, 'integer', n ?? 1, best_of), ['best_of']);
    }
    const most = Math.floor(MAX_GENERATIONS / (best_of ?? n ?? 1));
    if (prompts.length > most) {
      refuse(context, (param) => apiErrors.arrayTooLong(param, most, prompts.length), ['prompt']);
    }
    if (stream && (best_of ?? 1) > 1) {
      refuse(context, (param) => apiErrors.exclusiveParameters(param, 'stream'), ['best_of']);
    }
    if (echo && typeof logprobs === 'number') {
      // The engine gives the log-probabilities of what it generates, not of what it reads.
      refuse(context, (param) => apiErrors.exclusiveParameters(param, 'echo'), ['logprobs']);
    }
    if (echo && typeof suffix === 'string') {
      refuse(context, (param) => apiErrors.exclusiveParameters(param, 'suffix'), ['echo']);
    }
  });

export type CompletionRequest = z.output<typeof completionRequest>;

/** Lists of one length, an entry for each token. */
export interface TokenLogprobs {
  tokens: string[];
  token_logprobs: number[];
  top_logprobs: Record<string, number>[];
  /** Where each token begins in the choice's text, in characters. */
  text_offset: number[];
}

export interface CompletionChoice {
  text: string;
  index: number;
  logprobs: TokenLogprobs | null;
  finish_reason: 'stop' | 'length' | null;
}

/** Also a chunk of its stream. */
export interface Completion {
  id: string;
  object: 'text_completion';
  created: number;
  model: string;
  choices: CompletionChoice[];
  usage?: CompletionUsage;
  timings?: WireTimings;
}
