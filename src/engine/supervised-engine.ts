// An engine that is loaded anew when it breaks: a few times, with growing pauses. Requests meanwhile fail at once, so that
// clients can come again.
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Engine,
  EngineError,
  type EngineRequest,
  type EngineStats,
  type ModelInfo,
  type TokenEvent,
} from './types.js';

/** Loads the engine: at first without a signal, later with one that is aborted when nobody needs it any more. */
export type EngineLoader = (closing?: AbortSignal) => Promise<Engine>;

/** Pauses before the attempts, in milliseconds; given up after the last, until a restart has produced tokens. */
const PAUSES_MS = [0, 1000, 5000, 20_000, 60_000];

/** Resolves early when aborted; does not keep the process alive. */
export type Pause = (ms: number, signal: AbortSignal) => Promise<void>;

const pause: Pause = (ms, signal) => sleep(ms, undefined, { signal, ref: false }).catch(() => undefined);

/** Loads an engine with `load`, now and whenever it breaks. Throws what the first load throws. */
export async function superviseEngine(load: EngineLoader, wait: Pause = pause): Promise<Engine> {
  return new SupervisedEngine(await load(), load, wait);
}

class SupervisedEngine implements Engine {
  readonly ended: Promise<EngineError | undefined>;
  readonly #closing = new AbortController();
  #engine: Engine;
  #recovery: 'restarting' | 'failed' | undefined;
  #restarts = 0;
  #attempts = 0;
  #failures = 0;
  #lastError = '';

  constructor(
    first: Engine,
    private readonly load: EngineLoader,
    private readonly wait: Pause,
  ) {
    this.#engine = first;
    this.ended = this.#supervise();
  }

  get info(): ModelInfo {
    return this.#engine.info;
  }

  generate(request: EngineRequest, signal?: AbortSignal): AsyncIterable<TokenEvent> {
    if (this.#recovery === 'restarting') throw new EngineError('engine_restarting', 'the engine is being restarted');
    if (this.#recovery === 'failed') throw new EngineError('engine_failed', this.#lastError);
    return this.#engine.generate(request, signal);
  }

  stats(): EngineStats {
    const stats = this.#engine.stats();
    return {
      ...stats,
      failures: this.#failures + stats.failures,
      lastError: stats.lastError || this.#lastError,
      ...(this.#recovery ? this.#recoveryStats(this.#recovery) : {}),
      restarts: this.#restarts,
    };
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#engine.close();
    await this.ended;
  }

  /** What the broken engine does not know, or has counted already. */
  #recoveryStats(state: 'restarting' | 'failed') {
    return { state, waiting: 0, running: 0, failures: this.#failures, lastError: this.#lastError };
  }

  /** Runs until the engine is closed or given up. */
  async #supervise(): Promise<EngineError | undefined> {
    for (;;) {
      const error = await this.#engine.ended;
      if (!error || this.#closing.signal.aborted) return undefined;
      const { failures, generatedTokens } = this.#engine.stats();
      this.#failures += failures;
      this.#lastError = error.message;
      if (generatedTokens > 0) this.#attempts = 0;
      const engine = await this.#restart();
      if (this.#closing.signal.aborted) return undefined;
      if (!engine) return new EngineError('engine_failed', this.#lastError);
    }
  }

  /** Resolves with the new engine, or with nothing when it was closed or given up. */
  async #restart(): Promise<Engine | undefined> {
    this.#recovery = 'restarting';
    const { signal } = this.#closing;
    while (this.#attempts < PAUSES_MS.length) {
      await this.wait(PAUSES_MS[this.#attempts++] as number, signal);
      if (signal.aborted) return undefined;
      try {
        this.#engine = await this.load(signal);
        if (signal.aborted) await this.#engine.close();
        this.#restarts += 1;
        this.#recovery = undefined;
        return this.#engine;
      } catch (error) {
        if (signal.aborted) return undefined;
        this.#failures += 1;
        this.#lastError = (error as Error).message;
      }
    }
    this.#recovery = 'failed';
    return undefined;
  }
}
