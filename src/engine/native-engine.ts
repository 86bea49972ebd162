// The engine that computes: one native engine behind the Engine interface. It forwards tokens; it knows no text.

import { EventKind, FINISH_REASONS, loadBinding, type NativeEngine as Native, PRIORITIES } from '../native/binding.js';
import { closeAtExit } from './close-at-exit.js';
import { toNativeOptions, toNativeSampling, toScores } from './native-values.js';
import { TokenQueue } from './token-queue.js';
import {
  type Engine,
  EngineError,
  type EngineErrorCode,
  type EngineOptions,
  type EngineRequest,
  type EngineStats,
  type ModelInfo,
  type TokenEvent,
} from './types.js';

export interface LoadOptions extends EngineOptions {
  /** Called with the loaded fraction, from 0 to 1. */
  onProgress?: (fraction: number) => void;
  /** Aborting it ends the load; it has no effect later. */
  signal?: AbortSignal;
}

/**
 * Loads a model on an engine thread of its own. Rejects with EngineError (`model_load_failed`), with NativeLoadError when
 * the addon does not load, and with the signal's reason when that was aborted.
 */
export async function loadEngine(options: LoadOptions): Promise<Engine> {
  const { signal } = options;
  signal?.throwIfAborted();
  const engine = new NativeEngine(options);
  const stop = () => void engine.close();
  signal?.addEventListener('abort', stop, { once: true });
  try {
    await engine.loaded;
    return engine;
  } catch (error) {
    await engine.close();
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}

const MAX_ID = 0xffff_ffff;

class NativeEngine implements Engine {
  info!: ModelInfo; // set before `loaded` resolves
  readonly loaded: Promise<void>;
  readonly ended: Promise<EngineError | undefined>;
  readonly #native: Native;
  readonly #onProgress: LoadOptions['onProgress'];
  readonly #queues = new Map<number, TokenQueue>();
  #settleLoad!: (error?: unknown) => void;
  #onEnded!: (error?: EngineError) => void;
  #stopped = false;
  #lastId = 0;

  constructor(options: LoadOptions) {
    this.#onProgress = options.onProgress;
    this.loaded = new Promise((resolve, reject) => {
      this.#settleLoad = (error) => (error === undefined ? resolve() : reject(error));
    });
    this.ended = new Promise((resolve) => {
      this.#onEnded = resolve;
    });
    const { Engine } = loadBinding();
    this.#native = new Engine(toNativeOptions(options), () => this.#drain());
    closeAtExit(this.#native);
  }

  async *generate(request: EngineRequest, signal?: AbortSignal): AsyncGenerator<TokenEvent, void, undefined> {
    if (signal?.aborted) {
      yield { type: 'finish', reason: 'cancelled' };
      return;
    }
    const queue = new TokenQueue();
    const id = this.#submit(request, queue);
    const cancel = () => this.#native.cancel(id);
    signal?.addEventListener('abort', cancel, { once: true });
    try {
      for (;;) {
        const event = queue.take() ?? (await queue.next());
        yield event;
        if (event.type === 'finish') return;
      }
    } finally {
      signal?.removeEventListener('abort', cancel);
      if (this.#queues.delete(id)) cancel(); // the reader left before the last event
    }
  }

  stats(): EngineStats {
    return { ...this.#native.stats(), restarts: 0 };
  }

  async close(): Promise<void> {
    this.#stopped = true;
    this.#native.stop();
    await this.ended;
  }

  #submit({ tokens, maxTokens, ...rest }: EngineRequest, queue: TokenQueue): number {
    const id = this.#nextId();
    const sampling = toNativeSampling(rest.sampling);
    const stopTokens = Int32Array.from(rest.stopTokens);
    const priority = PRIORITIES.indexOf(rest.priority ?? 'interactive');
    const cacheSalt = rest.cacheSalt ?? '';
    const { grammar, promptLogprobs = -1, replied = 0 } = rest;
    const also = { priority, cacheSalt, promptLogprobs, replied, grammar };
    const request = { id, tokens, sampling, maxTokens, stopTokens, ...also };
    if (this.#stopped || !this.#native.submit(request)) throw new EngineError('engine_closed', 'the engine is closed');
    this.#queues.set(id, queue);
    return id;
  }

  #nextId(): number {
    do {
      this.#lastId = (this.#lastId % MAX_ID) + 1;
    } while (this.#queues.has(this.#lastId));
    return this.#lastId;
  }

  /**
   * Called by the native engine. What it throws would be lost in a warning of Node's, and the events after it too: so it
   * runs no code of others but `onProgress`, whose throw ends the load.
   */
  #drain(): void {
    const events = this.#native.drain();
    const { ids, kinds, values, failures } = events;
    let scored = 0;
    kinds.forEach((kind, i) => {
      const id = ids[i] as number;
      const value = values[i] as number;
      switch (kind) {
        case EventKind.token:
          this.#queues.get(id)?.push({ type: 'token', token: value });
          break;
        case EventKind.scoredToken: {
          const scores = toScores(events, scored, value);
          this.#queues.get(id)?.push({ type: 'token', token: scores[0].token, scores });
          scored += value;
          break;
        }
        case EventKind.scoredPrompt:
          this.#queues.get(id)?.push({ type: 'prompt-token', scores: toScores(events, scored, value) });
          scored += value;
          break;
        case EventKind.reused:
          this.#queues.get(id)?.push({ type: 'reused', tokens: value });
          break;
        case EventKind.finished:
          this.#end(id)?.push({ type: 'finish', reason: FINISH_REASONS[value] ?? 'stop' });
          break;
        case EventKind.failed:
          this.#end(id)?.fail(toError(failures[value]));
          break;
        default:
          this.#drainOwn(kind, value, failures[value]);
      }
    });
  }

  /** Takes the queue of a request whose last event has come. */
  #end(id: number): TokenQueue | undefined {
    const queue = this.#queues.get(id);
    this.#queues.delete(id);
    return queue;
  }

  /** The events of the engine itself. */
  #drainOwn(kind: number, value: number, failure: Failure | undefined): void {
    switch (kind) {
      case EventKind.progress:
        this.#reportProgress(value / 1000);
        break;
      case EventKind.loaded:
        this.info = this.#native.info();
        this.#settleLoad();
        break;
      case EventKind.loadFailed:
        this.#settleLoad(toError(failure));
        break;
      case EventKind.closed: {
        const broke = !this.#stopped;
        this.#stopped = true;
        this.#native.close();
        this.#onEnded(broke ? new EngineError('engine_failed', this.#native.stats().lastError) : undefined);
        break;
      }
    }
  }

  #reportProgress(fraction: number): void {
    try {
      this.#onProgress?.(fraction);
    } catch (error) {
      this.#settleLoad(error);
    }
  }
}

type Failure = { code: string; message: string };

function toError(failure: Failure | undefined): EngineError {
  return new EngineError(failure?.code as EngineErrorCode, failure?.message ?? 'unknown failure');
}
