// The fields of sampling that the OpenAI-style routes share: OpenAI's own, and the extensions that local servers have in
// common (names as in vLLM, mlx_lm.server and text-generation-webui).
import { z } from 'zod';
import { DECIMAL, decimal, INT32_MAX, INTEGER, integer, refuse } from './fields.js';
import { showAs } from './json-schema.js';
import { apiErrors } from './openai-errors.js';

export const MAX_CHOICES = 16;
/** Choice i has seed + i, which must stay exact. */
const MAX_SEED = Number.MAX_SAFE_INTEGER - MAX_CHOICES;
const MAX_BIASES = 1024;
/** Of 64 bits, as OpenAI takes them and many clients draw them. */
const MAX_WIRE_SEED = 2 ** 63;

/** One that is too large to stay exact becomes another, the same each time. */
const seed = showAs(
  z
    .number(INTEGER)
    .min(-MAX_WIRE_SEED, INTEGER)
    .max(MAX_WIRE_SEED, INTEGER)
    .superRefine((value, context) => {
      if (Number.isInteger(value)) return;
      refuse(context, (param) => apiErrors.invalidType(param, INTEGER, DECIMAL));
    }),
  z.number().min(-MAX_WIRE_SEED).max(MAX_WIRE_SEED).meta({ type: 'integer' }),
).transform((value) => value % MAX_SEED);

const bias = decimal(-100, 100);

/** Token ids as keys. Stops at its first bad entry. */
const tokenBiases = showAs(z.record(z.string(), z.unknown()), z.record(z.string(), bias));
const logitBias = tokenBiases.transform((entries, context): ReadonlyMap<number, number> => {
  const biases = new Map<number, number>();
  const keys = Object.keys(entries);
  if (keys.length > MAX_BIASES) {
    refuse(context, (param) => apiErrors.tooManyEntries(param, MAX_BIASES, keys.length));
    return z.NEVER;
  }
  for (const key of keys) {
    if (!/^\d{1,9}$/.test(key)) {
      refuse(context, (param) => apiErrors.invalidTokenId(param, key));
      return z.NEVER;
    }
    const value = bias.safeParse(entries[key], { reportInput: true });
    if (!value.success) {
      for (const issue of value.error.issues) context.issues.push({ ...issue, path: [key] } as z.core.$ZodRawIssue);
      return z.NEVER;
    }
    biases.set(Number(key), value.data);
  }
  return biases;
});

/** An extension, named as in vLLM. */
export const cacheSalt = z
  .string()
  .min(1)
  .max(256)
  .nullish()
  .describe('Computed prompts are reused among requests of one salt only: timing tells others nothing of them.');

export const samplingFields = {
  temperature: decimal(0, 2).nullish(),
  top_p: decimal(0, 1).nullish(),
  seed: seed.nullish(),
  presence_penalty: decimal(-2, 2).nullish(),
  frequency_penalty: decimal(-2, 2).nullish(),
  logit_bias: logitBias.nullish(),

  // Extensions; -1 is another spelling of "off" for top_k.
  top_k: integer(-1, INT32_MAX).nullish(),
  min_p: decimal(0, 1).nullish(),
  typical_p: decimal(0, 1).nullish(),
  xtc_probability: decimal(0, 1).nullish(),
  xtc_threshold: decimal(0, 1).nullish(),
  repetition_penalty: decimal(0.01, 100).nullish(),
  repetition_context_size: integer(0, INT32_MAX).nullish(),
};

const samplingRequest = z.object(samplingFields);
export type SamplingFields = z.output<typeof samplingRequest>;
