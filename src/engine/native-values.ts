// What the facade sends to the addon and gets from it, as the engine's interface has it. Pure, but for the random seed.
import { randomInt } from 'node:crypto';
import type { NativeEngineOptions, NativeEvents, NativeSampling } from '../native/binding.js';
import type { EngineOptions, SamplingParams, ScoredToken, TokenScores } from './types.js';

const MAX_SEED = 2 ** 48 - 1;

/** Every option spelled out; 0 and -1 leave the choice to the engine. */
export function toNativeOptions(options: EngineOptions): NativeEngineOptions {
  const {
    modelPath,
    adapter: adapterPath = '',
    device = 'auto',
    kernels = 'auto',
    threads = 0,
    precision = 'balanced',
  } = options;
  const {
    kvBits = 16,
    maxSequences = 32,
    prefillChunk = 512,
    maxQueue = 128,
    memoryLimit = 0,
    prefixCache = -1,
  } = options;
  const limits = { kvBits, maxSequences, prefillChunk, maxQueue, memoryLimit, prefixCache };
  return { modelPath, adapterPath, device, kernels, threads, precision, ...limits };
}

/** Every rule spelled out: what was not asked for has the value that changes nothing. */
export function toNativeSampling(params: SamplingParams): NativeSampling {
  const { temperature, topP, topK, minP, seed = randomInt(MAX_SEED), logprobs = -1 } = params;
  return {
    temperature,
    topP,
    topK,
    minP,
    seed,
    typicalP: params.typicalP ?? 1,
    xtcProbability: params.xtcProbability ?? 0,
    xtcThreshold: params.xtcThreshold ?? 0.1,
    repetitionPenalty: params.repetitionPenalty ?? 1,
    repetitionWindow: params.repetitionWindow ?? 0,
    presencePenalty: params.presencePenalty ?? 0,
    frequencyPenalty: params.frequencyPenalty ?? 0,
    biasTokens: Int32Array.from(params.logitBias?.keys() ?? []),
    biases: Float32Array.from(params.logitBias?.values() ?? []),
    logprobs,
  };
}

/** The `count` (>= 1) entries of a scored token, which begin at `first`. */
export function toScores({ scoreTokens, logprobs }: NativeEvents, first: number, count: number): TokenScores {
  const at = (index: number): ScoredToken => ({
    token: scoreTokens[index] as number,
    logprob: logprobs[index] as number,
  });
  const best = Array.from({ length: count - 1 }, (_, i) => at(first + 1 + i));
  return [at(first), ...best];
}
