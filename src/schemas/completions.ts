// Wire types of POST /v1/completions: the request schema, and the shapes of the reply and of its stream.
import { z } from 'zod';
import { INT32_MAX, ignored, integer, listOf, refuse, tokenIds } from './fields.js';
import { showAs } from './json-schema.js';
import { apiErrors } from './openai-errors.js';
import { cacheSalt, MAX_CHOICES, samplingFields } from './sampling.js';
import { obfuscation, stopStrings, streamOptions } from './streaming.js';
import { refuseConflicts, structuredOutputFields } from './structured-output.js';
import { completionUsage, wireTimings } from './usage.js';

const MAX_LOGPROBS = 5;
/** Generations of a request: each prompt has all its candidates. */
const MAX_GENERATIONS = 128;

const tokens = tokenIds({ minimum: 1 });
const limits = { minimum: 1, maximum: MAX_GENERATIONS };

/** One prompt or several, as text or as tokens; numbers in a list are the tokens of one. */
const promptList = showAs(z.array(z.unknown()).min(1), z.union([z.array(z.string()), tokens, z.array(tokens)]));
const prompt = z.union([z.string(), promptList]).transform((value, context) => {
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
    cache_salt: cacheSalt,
    logprobs: integer(0, MAX_LOGPROBS).nullish(),
    echo: z.boolean().nullish(),
    stop: stopStrings,
    ignore_eos: z.boolean().nullish(),
    ...structuredOutputFields,
    ...ignored('user'),
  })
  .superRefine((request, context) => {
    const { prompt: prompts, stream, stream_options, n, best_of, echo, suffix } = request;
    refuseConflicts(request, context);
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
    if (echo && typeof suffix === 'string') {
      refuse(context, (param) => apiErrors.exclusiveParameters(param, 'suffix'), ['echo']);
    }
  });

export type CompletionRequest = z.output<typeof completionRequest>;

const tokenLogprobs = z
  .object({
    tokens: z.array(z.string()),
    token_logprobs: z.array(z.number().nullable()),
    top_logprobs: z.array(z.record(z.string(), z.number()).nullable()),
    text_offset: z.array(z.int()).describe("Where each token begins in the choice's text, in characters."),
  })
  .describe('Lists of one length, an entry for each token. The first of an echoed prompt has no log-probability.');

export const completion = z
  .object({
    id: z.string(),
    object: z.literal('text_completion'),
    created: z.int().describe('Unix seconds.'),
    model: z.string(),
    choices: z.array(
      z.object({
        text: z.string(),
        index: z.int(),
        logprobs: tokenLogprobs.nullable(),
        finish_reason: z.enum(['stop', 'length']).nullable(),
      }),
    ),
    usage: completionUsage.optional(),
    timings: wireTimings.optional(),
    obfuscation: obfuscation.optional(),
  })
  .describe('Also a chunk of its stream.');

export type TokenLogprobs = z.output<typeof tokenLogprobs>;
export type Completion = z.output<typeof completion>;
