// What the layers above know of an engine: token ids in, token ids out. The native engine and the tests' FakeEngine implement it.

import type {
  NativeGrammar,
  NativeModelInfo,
  NativeModelSummary,
  NativeStats,
  NativeVocabulary,
  PRIORITIES,
} from '../native/binding.js';

export interface SamplingParams {
  /** 0 is greedy. */
  temperature: number;
  /** 1 is off. */
  topP: number;
  /** 0 is off. */
  topK: number;
  /** 0 is off. */
  minP: number;
  /** Same seed, same text; random when absent. */
  seed?: number;
  /** Of the tokens left, the share nearest to the expected surprise stays; 1 is off. Default: off. */
  typicalP?: number;
  /** Chance that, of the tokens as probable as `xtcThreshold` or more, only the least probable stays. Default: 0. */
  xtcProbability?: number;
  /** Default: 0.1. */
  xtcThreshold?: number;
  /** Divides positive logits of tokens in the last `repetitionWindow` ones, multiplies negative ones. Default: 1, off. */
  repetitionPenalty?: number;
  /** Tokens of prompt and completion; 0, the default, is all of them. */
  repetitionWindow?: number;
  /** Subtracted from the logits of tokens that the completion has. Default: 0. */
  presencePenalty?: number;
  /** The same for each time that it has them. Default: 0. */
  frequencyPenalty?: number;
  /** Added to the logits of these tokens. */
  logitBias?: ReadonlyMap<number, number>;
  /** Report each token's log-probability, and those of so many of the best tokens. */
  logprobs?: number;
}

/** A token and the natural logarithm of its probability: the model's own, before any rule of sampling. */
export interface ScoredToken {
  token: number;
  logprob: number;
}

/** A token's own, then those of the best tokens at its place, descending (it may be among them). */
export type TokenScores = readonly [ScoredToken, ...ScoredToken[]];

export interface EngineRequest {
  /** The prompt, not empty. */
  tokens: Int32Array;
  sampling: SamplingParams;
  /** Tokens to generate at the most; clipped to the context that is left after the prompt. */
  maxTokens: number;
  /** Any of these ends the sequence; it is not reported as a token. */
  stopTokens: readonly number[];
  /** Batch requests get what interactive ones, the default, leave. */
  priority?: Priority;
  /** Prefixes are reused among requests of one salt only, so that one user's timing tells nothing of another's prompts. */
  cacheSalt?: string;
  /**
   * Report the log-probabilities of the prompt's tokens after the first too, and those of so many of the best. Such a
   * prompt is computed whole, whatever the prefix cache holds.
   */
  promptLogprobs?: number;
  /**
   * So many tokens at the end of `tokens` are of a reply that was begun before and goes on: penalties count them as its
   * own, and no queue refuses it.
   */
  replied?: number;
  /** What the reply must be: one that was compiled for the model's vocabulary, with `stopTokens` as its ends. */
  grammar?: Grammar;
}

/** A compiled grammar. */
export type Grammar = NativeGrammar;

export type Vocabulary = NativeVocabulary;

export type Priority = (typeof PRIORITIES)[number];

export type FinishReason = 'stop' | 'length' | 'cancelled';

/**
 * `scores` are there when asked for. `reused` comes first, if at all: so many tokens of the prompt were not computed, but
 * found in the prefix cache. Those of the prompt, where asked for, come in order before any of the reply.
 */
export type TokenEvent =
  | { type: 'prompt-token'; scores: TokenScores }
  | { type: 'token'; token: number; scores?: TokenScores }
  | { type: 'reused'; tokens: number }
  | { type: 'finish'; reason: FinishReason };

/** Ours where there are some, or those of MLX everywhere. */
export type Kernels = 'auto' | 'mlx';

/** How CPU kernels hold activations: as float32, as integers of 16 bits, or of 8. */
export type Precision = 'exact' | 'balanced' | 'fast';

/** A float, or integers that share a scale: `docs/decisions/0015-kv-bits.md` has what the latter cost in text. */
export type KvBits = 16 | 8 | 4;

export interface EngineOptions {
  /** A folder with config.json and *.safetensors. */
  modelPath: string;
  /** The folder of a LoRA adapter for the model, in mlx-lm's format. */
  adapter?: string;
  /** `auto`, the default, is the GPU if MLX has one here. A process computes on one device only. */
  device?: 'auto' | 'cpu' | 'gpu';
  /** `auto`, the default, is our kernels on a CPU; `mlx` is MLX's everywhere, to compare with: on a CPU they are slow. */
  kernels?: Kernels;
  /** Threads of the CPU kernels, shared by all engines of the process. 0, the default, is one a physical core. */
  threads?: number;
  /** Of activations in the CPU kernels' products with quantized weights: float32, 16 (default) or 8 bits. */
  precision?: Precision;
  /** Of a number of keys and values in the CPU kernels' caches. Default: 16; fewer are refused with MLX's kernels. */
  kvBits?: KvBits;
  /** Sequences that are computed together. Default: 32. */
  maxSequences?: number;
  /** Prompt tokens computed in one step, at the most: fewer where that would take long. Default: 512. */
  prefillChunk?: number;
  /** Requests that wait beside those; more fail with `queue_full`. Default: 128. */
  maxQueue?: number;
  /** Bytes for weights, prompts and replies. Default: four fifths of the memory, or what a GPU recommends. */
  memoryLimit?: number;
  /** Bytes of these for prompts that may come again; 0 keeps none. Default: a quarter of what the weights leave. */
  prefixCache?: number;
}

export type ModelInfo = NativeModelInfo;

/** What a model is and will need, as its files' headers say. */
export type ModelOutline = NativeModelSummary;

export interface EngineStats extends Omit<NativeStats, 'state'> {
  /** `restarting` while a broken engine is loaded anew, `failed` once that was given up. */
  state: NativeStats['state'] | 'restarting';
  /** How often it was loaded anew. */
  restarts: number;
}

export type EngineErrorCode =
  | 'context_length_exceeded'
  | 'invalid_request'
  | 'model_load_failed'
  | 'generation_failed'
  | 'invalid_grammar'
  | 'grammar_failed'
  | 'grammars_unavailable'
  | 'queue_full'
  | 'insufficient_memory'
  | 'engine_failed'
  | 'engine_restarting'
  | 'engine_closed';

export class EngineError extends Error {
  constructor(
    readonly code: EngineErrorCode,
    message: string,
  ) {
    super(message);
    this.name = 'EngineError';
  }
}

export interface Engine {
  readonly info: ModelInfo;
  /**
   * Generates until a stop token, the token limit, or the abort of `signal` (then the last event is `cancelled`).
   * Leaving the loop early cancels too. Throws EngineError.
   */
  generate(request: EngineRequest, signal?: AbortSignal): AsyncIterable<TokenEvent>;
  stats(): EngineStats;
  /** Resolves when the engine thread has ended: with the error when it broke, with nothing when it was closed. */
  readonly ended: Promise<EngineError | undefined>;
  /** Cancels what runs, stops and joins the engine thread. Idempotent. */
  close(): Promise<void>;
}
