// Finds and loads the addon, and types its whole surface: this file and native/addon/convert.cpp must agree.

import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { explainLoadFailure } from './load-failure.js';

export interface NativeEngineOptions {
  modelPath: string;
  /** Empty: none. */
  adapterPath: string;
  device: 'auto' | 'cpu' | 'gpu';
  kernels: 'auto' | 'mlx';
  /** Of the CPU kernels; 0: one a physical core. */
  threads: number;
  precision: 'exact' | 'balanced' | 'fast';
  /** 16, 8 or 4. */
  kvBits: number;
  maxSequences: number;
  prefillChunk: number;
  maxQueue: number;
  /** Bytes, weights included; 0: what the machine can spare. */
  memoryLimit: number;
  /** Bytes of these for the prefix cache; -1: a quarter of what the weights leave. */
  prefixCache: number;
}

/** Each rule as the engine's SamplingParams names it; what it does is in docs/decisions/0004-sampling.md. */
export interface NativeSampling {
  temperature: number;
  topP: number;
  topK: number;
  minP: number;
  /** A safe integer. */
  seed: number;
  typicalP: number;
  xtcProbability: number;
  xtcThreshold: number;
  repetitionPenalty: number;
  repetitionWindow: number;
  presencePenalty: number;
  frequencyPenalty: number;
  /** Token `biasTokens[i]` has `biases[i]` added to its logit. */
  biasTokens: Int32Array;
  biases: Float32Array;
  /** Best tokens to report beside each sampled one; -1 for no log-probabilities at all. */
  logprobs: number;
}

export interface NativeRequest {
  /** From 1 to 2^32 - 1, not in use by a live request. */
  id: number;
  tokens: Int32Array;
  sampling: NativeSampling;
  maxTokens: number;
  stopTokens: Int32Array;
  /** An index in PRIORITIES. */
  priority: number;
  /** Prefixes are reused among requests of one salt only. */
  cacheSalt: string;
  /** Best tokens to report beside each of the prompt's after the first; -1 for no log-probabilities of the prompt. */
  promptLogprobs: number;
  /** Tokens at the end of `tokens` that are of a reply which goes on. */
  replied: number;
  /** What the reply must be. */
  grammar?: NativeGrammar | undefined;
}

/** A handle of a compiled grammar. */
export interface NativeGrammar {
  readonly isGrammar: unique symbol;
}

/** The bytes of every token, one after another: `lengths` of each. A control token's begin with 0xff. */
export interface NativeVocabulary {
  bytes: Uint8Array;
  lengths: Uint32Array;
  /** What may follow a whole text; not empty. */
  endTokens: Int32Array;
  /** A text as the model's tokenizer cuts it; empty: forced text is sampled token by token. */
  sample: Int32Array;
}

export interface NativeGrammarCompiler {
  /** Compiles in libuv's pool; rejects with what is wrong. `lark` is in llguidance's dialect of Lark. */
  compile(lark: string): Promise<NativeGrammar>;
}

/** What `kinds` of NativeEvents hold, and what `ids` and `values` mean there. */
export const EventKind = {
  /** The value is the token. */
  token: 0,
  /** The value is an index in FINISH_REASONS; the request's last event. */
  finished: 1,
  /** The value is an index in `failures`; the request's last event. */
  failed: 2,
  /** The value is thousandths of the load; the id is 0, as in all that follow. */
  progress: 3,
  /** The engine takes requests. */
  loaded: 4,
  /** The value is an index in `failures`. */
  loadFailed: 5,
  /** The engine thread's last word. */
  closed: 6,
  /** A token with its log-probabilities: the value is how many entries of the columns of scores it takes. */
  scoredToken: 7,
  /** Before any token: the value is how many of the prompt came from the prefix cache. */
  reused: 8,
  /** A token of the prompt, of those after the first, in order; the value is as of `scoredToken`. */
  scoredPrompt: 9,
} as const;

export const PRIORITIES = ['interactive', 'batch'] as const;

export const FINISH_REASONS = ['stop', 'length', 'cancelled'] as const;

/** Events, oldest first: entry i of the three columns is one event. */
export interface NativeEvents {
  ids: Uint32Array;
  kinds: Uint8Array;
  values: Int32Array;
  failures: { code: string; message: string }[];
  /** The entries of all scored tokens, one after another: each token itself, then the best ones, descending. */
  scoreTokens: Int32Array;
  logprobs: Float32Array;
}

export interface NativeModelInfo {
  modelType: string;
  /** Positions the model was made for (prompt and completion together). */
  contextLength: number;
  vocabSize: number;
  layers: number;
  parameters: number;
  weightBytes: number;
  /** In the files of a model that also sees or hears: what is not of its language model, and not loaded. */
  leftOutBytes: number;
  /** From config.json and generation_config.json; may be empty. */
  eosTokens: readonly number[];
  loadMs: number;
  device: 'cpu' | 'gpu';
  /** `mlx`, or the instruction set of our CPU kernels. */
  kernels: string;
  /** Of our CPU kernels; absent with MLX's. */
  precision?: 'exact' | 'balanced' | 'fast';
  mlxVersion: string;
}

/** The tensors of a checkpoint that are stored alike, scales and biases with their weights. */
export interface NativeWeightShare {
  /** MLX's name of the mode of quantization, or the type of dense tensors. */
  format: string;
  /** Of a weight. */
  bits: number;
  /** Weights that share a scale; absent for dense ones. */
  groupSize?: number;
  parameters: number;
  /** In the files. */
  bytes: number;
}

/** What a model is and will need, from its files' headers. What has the name of a NativeModelInfo's field is that. */
export interface NativeModelSummary
  extends Pick<
    NativeModelInfo,
    | 'modelType'
    | 'contextLength'
    | 'vocabSize'
    | 'layers'
    | 'parameters'
    | 'weightBytes'
    | 'leftOutBytes'
    | 'device'
    | 'kernels'
    | 'precision'
  > {
  hiddenSize: number;
  heads: number;
  /** Heads of keys and values. */
  kvHeads: number;
  /** The largest first. */
  weights: NativeWeightShare[];
  /** In bytes. What a step takes in passing comes on top; an engine learns it as it runs. */
  memory: {
    limit: number;
    weights: number;
    /** Positions that contextBytes are for. */
    context: number;
    /** Keys and values of one sequence. */
    contextBytes: number;
    /** Positions that one sequence alone may have within the limit. */
    longestContext: number;
  };
}

/** Of the prefix cache, since the start. */
export interface NativePrefixStats {
  /** Sequences that started, also those that start again. */
  lookups: number;
  hits: number;
  reusedTokens: number;
  evictions: number;
  /** Held now. */
  bytes: number;
  entries: number;
}

export interface NativeStats {
  /** The engine thread's own word: `failed` after an error that ended it. */
  state: 'loading' | 'ready' | 'failed' | 'closed';
  /** Requests waiting for prefill or in it. */
  waiting: number;
  /** Requests that are decoding. */
  running: number;
  promptTokens: number;
  generatedTokens: number;
  /** Milliseconds since the engine thread last went through its loop. */
  heartbeatMs: number;
  /** MLX's buffers and the weights in a layout of our own. */
  activeMemoryBytes: number;
  peakMemoryBytes: number;
  /** Steps that threw, and what ended the engine. */
  failures: number;
  /** The last of these; empty when there were none. */
  lastError: string;
  prefixes: NativePrefixStats;
}

export interface NativeEngine {
  /** Queues a request; false once stopped: then there are no events. */
  submit(request: NativeRequest): boolean;
  cancel(id: number): void;
  /** All events since the last drain. */
  drain(): NativeEvents;
  stats(): NativeStats;
  /** Of the loaded model; empty before the event `loaded`. */
  info(): NativeModelInfo;
  /** Asks the engine thread to cancel everything and end; does not wait: `closed` comes when it has. */
  stop(): void;
  /** stop(), and waits for the thread: one step at the most. */
  close(): void;
}

export interface Binding {
  /** Starts the engine thread, which begins to load. `onWake` is called when there are events to drain. */
  Engine: new (
    options: NativeEngineOptions,
    onWake: () => void,
  ) => NativeEngine;
  GrammarCompiler: new (vocabulary: NativeVocabulary) => NativeGrammarCompiler;
  /** The model of `options.modelPath`; `context` positions, 0 is all it has. Blocks for milliseconds. Throws what a load throws. */
  inspectModel(options: NativeEngineOptions, context: number): NativeModelSummary;
  /** What an engine could use here. `grammars`: this build can compile some. */
  runtime(): { mlxVersion: string; gpu: boolean; grammars: boolean };
}

const require = createRequire(import.meta.url);
const packageRoot = fileURLToPath(new URL('../../', import.meta.url));
let loaded: Binding | undefined;
let loadedFrom: string | undefined;

/**
 * Loads the addon once: from build/Release or build/Debug of a checkout, else from prebuilds/ of a package.
 * Throws NativeLoadError, which says what is wrong and what to do.
 */
export function loadBinding(): Binding {
  loaded ??= load();
  return loaded;
}

/** The file that was loaded; undefined before. */
export const addonPath = (): string | undefined => loadedFrom;

function load(): Binding {
  let path: string | undefined;
  try {
    const { path: find } = require('node-gyp-build') as { path(folder: string): string };
    path = find(packageRoot);
    const binding = require(path) as Binding;
    loadedFrom = path;
    return binding;
  } catch (error) {
    throw explainLoadFailure(error, path);
  }
}
