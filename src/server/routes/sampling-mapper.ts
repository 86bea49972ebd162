// The wire's fields of sampling to the engine's parameters. Pure functions.
import type { SamplingParams } from '../../engine/types.js';
import { apiErrors } from '../../schemas/openai-errors.js';
import type { SamplingFields } from '../../schemas/sampling.js';

/** Of choice `index`: choices are alike but for the seed, which is seed + index where there is one. */
export function toSampling(request: SamplingFields, index: number): SamplingParams {
  const { seed, logit_bias } = request;
  return {
    temperature: request.temperature ?? 1,
    topP: request.top_p ?? 1,
    topK: Math.max(0, request.top_k ?? 0),
    minP: request.min_p ?? 0,
    ...(typeof seed === 'number' ? { seed: seed + index } : {}),
    ...(logit_bias && logit_bias.size > 0 ? { logitBias: logit_bias } : {}),
    ...given({
      typicalP: request.typical_p,
      xtcProbability: request.xtc_probability,
      xtcThreshold: request.xtc_threshold,
      repetitionPenalty: request.repetition_penalty,
      repetitionWindow: request.repetition_context_size,
      presencePenalty: request.presence_penalty,
      frequencyPenalty: request.frequency_penalty,
    }),
  };
}

/** Throws ApiError for a bias of a token that the model does not have. */
export function refuseUnknownTokens({ logit_bias }: SamplingFields, vocabSize: number): void {
  for (const token of logit_bias?.keys() ?? []) {
    if (token >= vocabSize) throw apiErrors.unknownToken('logit_bias', token, vocabSize);
  }
}

/** Without what is absent or null. */
function given<T extends object>(params: T): { [Name in keyof T]?: NonNullable<T[Name]> } {
  const entries = Object.entries(params).filter(([, value]) => value !== undefined && value !== null);
  return Object.fromEntries(entries) as { [Name in keyof T]?: NonNullable<T[Name]> };
}
