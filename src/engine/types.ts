// What the layers above know of an engine: token ids in, token ids out. The native engine and the tests' FakeEngine implement it.

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
}

export interface EngineRequest {
  /** The prompt, not empty. */
  tokens: Int32Array;
  sampling: SamplingParams;
  /** Tokens to generate at the most; clipped to the context that is left after the prompt. */
  maxTokens: number;
  /** Any of these ends the sequence; it is not reported as a token. */
  stopTokens: readonly number[];
}

export type FinishReason = 'stop' | 'length' | 'cancelled';

export type TokenEvent = { type: 'token'; token: number } | { type: 'finish'; reason: FinishReason };

/** How CPU kernels hold activations: as float32, as integers of 16 bits, or of 8. */
export type Precision = 'exact' | 'balanced' | 'fast';

export interface ModelInfo {
  modelType: string;
  /** Positions the model was made for (prompt and completion together). */
  contextLength: number;
  vocabSize: number;
  layers: number;
  parameters: number;
  weightBytes: number;
  /** From config.json and generation_config.json; may be empty. */
  eosTokens: readonly number[];
  loadMs: number;
  device: 'cpu' | 'gpu';
  mlxVersion: string;
}

export interface EngineStats {
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
  activeMemoryBytes: number;
  peakMemoryBytes: number;
}

export type EngineErrorCode =
  | 'context_length_exceeded'
  | 'invalid_request'
  | 'model_load_failed'
  | 'generation_failed'
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
  /** Cancels what runs, stops and joins the engine thread. Idempotent. */
  close(): Promise<void>;
}
