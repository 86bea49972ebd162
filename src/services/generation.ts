// The one generation loop: token events of the engine to text deltas. It knows no messages, templates or wire names.
import type { Engine, EngineRequest, FinishReason, TokenEvent } from '../engine/types.js';
import { Detokenizer } from '../text/detokenizer.js';
import { StopMatcher } from '../text/stop.js';
import type { Tokenizer } from '../text/types.js';
import { TextLogprobs } from './text-logprobs.js';
import type { TextDelta } from './types.js';

export interface Generation {
  engine: Engine;
  tokenizer: Tokenizer;
  request: EngineRequest;
  /** Text that ends the reply and is not part of it. */
  stop: readonly string[];
}

/**
 * Generates one reply. Ends with a `finish` delta, also when `signal` is aborted; leaving early, or finding a stop
 * string, cancels the engine's request. Throws EngineError.
 */
export async function* generateText(generation: Generation, signal?: AbortSignal): AsyncGenerator<TextDelta> {
  const { engine, request } = generation;
  const reader = new ReplyReader(generation);
  const controller = new AbortController();
  const cancel = () => controller.abort();
  if (signal?.aborted) cancel();
  signal?.addEventListener('abort', cancel, { once: true });
  try {
    for await (const events of inBatches(engine.generate(request, controller.signal))) {
      const deltas = reader.read(events);
      if (reader.finished) cancel();
      yield* deltas;
      if (reader.finished) return;
    }
  } finally {
    signal?.removeEventListener('abort', cancel);
    cancel();
  }
}

/** Turns the events of one reply into deltas. Pure. */
class ReplyReader {
  readonly #detokenizer: Detokenizer;
  readonly #matcher: StopMatcher;
  readonly #logprobs: TextLogprobs | undefined;
  readonly #promptTokens: number;
  #completionTokens = 0;
  #finished = false;

  constructor({ tokenizer, request, stop }: Generation) {
    this.#detokenizer = new Detokenizer(tokenizer);
    this.#matcher = new StopMatcher(stop);
    this.#logprobs = request.sampling.logprobs === undefined ? undefined : new TextLogprobs(tokenizer);
    this.#promptTokens = request.tokens.length;
  }

  get finished(): boolean {
    return this.#finished;
  }

  /** The deltas of events that came together: their text as one. Nothing after the end. */
  read(events: readonly TokenEvent[]): TextDelta[] {
    let text = '';
    let reason: FinishReason | undefined;
    for (const event of events) {
      if (event.type === 'token') {
        text += this.#readToken(event);
      } else {
        text += this.#readRest();
        reason = event.reason;
      }
      if (this.#matcher.stopped) reason = 'stop';
      if (reason !== undefined) break;
    }
    this.#finished = reason !== undefined;
    const deltas = this.#textDelta(text);
    if (reason === undefined) return deltas;
    const usage = { promptTokens: this.#promptTokens, completionTokens: this.#completionTokens };
    return [...deltas, { type: 'finish', reason, usage }];
  }

  #readToken({ token, scores }: Extract<TokenEvent, { type: 'token' }>): string {
    this.#completionTokens += 1;
    const text = this.#detokenizer.push(token);
    if (scores) this.#logprobs?.push(scores, text);
    return this.#matcher.push(text);
  }

  #readRest(): string {
    const text = this.#detokenizer.flush();
    this.#logprobs?.pushRest(text);
    return this.#matcher.push(text) + this.#matcher.flush();
  }

  #textDelta(text: string): TextDelta[] {
    if (!this.#logprobs) return text === '' ? [] : [{ type: 'text', text }];
    const logprobs = this.#logprobs.release(text.length);
    if (this.#finished) logprobs.push(...this.#logprobs.finish());
    return text === '' && logprobs.length === 0 ? [] : [{ type: 'text', text, logprobs }];
  }
}

/** What `source` gives, grouped: all that had come when the reader asked for more. Reads ahead of the reader. */
async function* inBatches<T>(source: AsyncIterable<T>): AsyncGenerator<T[]> {
  let batch: T[] = [];
  let ended = false;
  let wake = () => {};
  const reading = (async () => {
    try {
      for await (const item of source) {
        batch.push(item);
        wake();
      }
    } finally {
      ended = true;
      wake();
    }
  })();
  // Awaited below, unless the reader leaves before: then nobody is left to tell.
  reading.catch(() => {});
  while (!ended || batch.length > 0) {
    if (batch.length === 0) {
      await new Promise<void>((resolve) => {
        // A next tick comes when no promise is left to settle: every event that is there already has been taken then.
        wake = () => process.nextTick(resolve);
      });
    }
    const items = batch;
    batch = [];
    if (items.length > 0) yield items;
  }
  await reading;
}
