// An `Engine` for tests: it plays token ids that the test gives, at the moment the test says, and records what was asked of it.
// No model, no thread, no timers. A scripted reply is queued whole at once; a manual one is driven through its FakeCall.
import {
  type Engine,
  EngineError,
  type EngineRequest,
  type EngineStats,
  type FinishReason,
  type ModelInfo,
  type ScoredToken,
  type TokenEvent,
  type TokenScores,
} from '../../src/engine/types.js';
import { Arrivals, Playback } from './playback.js';

const INFO: ModelInfo = {
  modelType: 'fake',
  contextLength: 2048,
  vocabSize: 512,
  layers: 1,
  parameters: 0,
  weightBytes: 0,
  leftOutBytes: 0,
  eosTokens: [],
  loadMs: 0,
  device: 'cpu',
  kernels: 'avx2',
  precision: 'exact',
  mlxVersion: '0',
};

export interface FakeEngineOptions {
  info?: Partial<ModelInfo>;
  /** The tokens of the next replies, one list a request; the last list serves all requests after it. */
  replies?: readonly (readonly number[])[];
  /** No reply by itself: the test drives each request through `nextCall()`. */
  manual?: boolean;
}

/** One request as the engine saw it, and the reply to it. */
export class FakeCall {
  /** Resolves when the request was cancelled, by its signal or by the reader leaving. */
  readonly cancelled: Promise<void>;
  /** Tokens given out so far (to the queue, not yet necessarily read). */
  readonly emitted: number[] = [];
  wasCancelled = false;
  readonly #playback = new Playback<TokenEvent>();
  #ended = false;
  #resolveCancelled!: () => void;

  constructor(
    readonly request: EngineRequest,
    private readonly onEnd: () => void,
  ) {
    this.cancelled = new Promise((resolve) => {
      this.#resolveCancelled = resolve;
    });
  }

  /** Gives tokens as the engine would: a stop token or the token limit ends the reply. Nothing after the end. */
  push(...tokens: number[]): void {
    for (const token of tokens) {
      if (this.#ended) return;
      if (this.request.stopTokens.includes(token)) {
        this.finish('stop');
        return;
      }
      this.emitted.push(token);
      this.#playback.put({ type: 'token', token });
      if (this.emitted.length >= this.request.maxTokens) this.finish('length');
    }
  }

  /** The same for one token with its scores. */
  pushScored(scores: readonly [ScoredToken, ...ScoredToken[]]): void {
    const [{ token }] = scores;
    if (this.#ended) return;
    this.emitted.push(token);
    this.#playback.put({ type: 'token', token, scores });
    if (this.emitted.length >= this.request.maxTokens) this.finish('length');
  }

  /** Gives the scores of the prompt's tokens after the first. */
  scorePrompt(...scores: TokenScores[]): void {
    for (const one of scores) this.#playback.put({ type: 'prompt-token', scores: one });
  }

  /** Says, before any token, that so much of the prompt was in the prefix cache. */
  reuse(tokens: number): void {
    this.#playback.put({ type: 'reused', tokens });
  }

  finish(reason: FinishReason): void {
    this.#end({ type: 'finish', reason });
  }

  fail(error: Error): void {
    this.#end(error);
  }

  cancel(): void {
    if (this.#ended) return;
    this.wasCancelled = true;
    this.finish('cancelled');
    this.#resolveCancelled();
  }

  async *events(): AsyncGenerator<TokenEvent> {
    try {
      yield* this.#playback.events();
    } finally {
      this.cancel();
    }
  }

  #end(event: TokenEvent | Error): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#playback.put(event);
    this.onEnd();
  }
}

export class FakeEngine implements Engine {
  readonly info: ModelInfo;
  readonly #replies: (readonly number[])[];
  readonly #manual: boolean;
  #state: EngineStats['state'] = 'ready';
  #error: EngineError | undefined;
  readonly ended: Promise<EngineError | undefined>;
  #onEnded!: (error?: EngineError) => void;
  #running = 0;
  readonly #arrivals = new Arrivals<FakeCall>();

  constructor(options: FakeEngineOptions = {}) {
    this.info = { ...INFO, ...options.info };
    this.#replies = [...(options.replies ?? [[]])];
    this.#manual = options.manual ?? false;
    this.ended = new Promise((resolve) => {
      this.#onEnded = resolve;
    });
  }

  /** Every request so far, oldest first. */
  get calls(): readonly FakeCall[] {
    return this.#arrivals.all;
  }

  /** The next request that no `nextCall()` has returned yet, as soon as it is made. */
  nextCall(): Promise<FakeCall> {
    return this.#arrivals.next();
  }

  async *generate(request: EngineRequest, signal?: AbortSignal): AsyncGenerator<TokenEvent> {
    if (this.#state !== 'ready') throw new EngineError('engine_closed', 'The engine is closed.');
    if (signal?.aborted) {
      yield { type: 'finish', reason: 'cancelled' };
      return;
    }
    const call = this.#open(request);
    const abort = () => call.cancel();
    signal?.addEventListener('abort', abort, { once: true });
    try {
      yield* call.events();
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }

  stats(): EngineStats {
    const generatedTokens = this.calls.reduce((sum, call) => sum + call.emitted.length, 0);
    const promptTokens = this.calls.reduce((sum, call) => sum + call.request.tokens.length, 0);
    return {
      state: this.#state,
      waiting: 0,
      running: this.#running,
      promptTokens,
      generatedTokens,
      heartbeatMs: 0,
      activeMemoryBytes: 0,
      peakMemoryBytes: 0,
      failures: this.#error ? 1 : 0,
      lastError: this.#error?.message ?? '',
      prefixes: { lookups: 0, hits: 0, reusedTokens: 0, evictions: 0, bytes: 0, entries: 0 },
      restarts: 0,
    };
  }

  /** As the native engine when it can no longer compute: every request fails, then it has ended. */
  break(message: string): void {
    this.#error = new EngineError('engine_failed', message);
    this.#state = 'failed';
    for (const call of this.calls) call.fail(this.#error);
    this.#onEnded(this.#error);
  }

  async close(): Promise<void> {
    for (const call of this.calls) call.cancel();
    this.#state = 'closed';
    this.#onEnded();
  }

  #open(request: EngineRequest): FakeCall {
    this.#running += 1;
    const call = new FakeCall(request, () => {
      this.#running -= 1;
    });
    this.#arrivals.add(call);
    if (!this.#manual) {
      const reply = this.#replies.length > 1 ? this.#replies.shift() : this.#replies[0];
      call.push(...(reply ?? []));
      call.finish('stop');
    }
    return call;
  }
}
