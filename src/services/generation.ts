// The one generation loop: token events of the engine to text deltas. It knows no messages, templates or wire names.
import type { Engine, EngineRequest } from '../engine/types.js';
import { ReplyReader, type ReplyReading } from './reply-reader.js';
import type { TextDelta } from './types.js';

export interface Generation {
  engine: Engine;
  request: EngineRequest;
  reading: ReplyReading;
}

/**
 * Generates one reply. Ends with a `finish` delta, also when `signal` is aborted; leaving early, or finding a stop
 * string, cancels the engine's request. A thought that is longer than it may be is ended, and the engine asked to go on
 * from there. Throws EngineError.
 */
export async function* generateText(generation: Generation, signal?: AbortSignal): AsyncGenerator<TextDelta> {
  const { engine, request, reading } = generation;
  const reader = new ReplyReader(reading, request);
  let asked = request;
  for (;;) {
    if (reader.thinksTooLong) {
      const left = request.maxTokens - reader.completion.length - (reading.thoughts?.end.length ?? 0);
      if (left < 1) return yield* reader.read([{ type: 'finish', reason: 'length' }]);
      yield* reader.endThought();
      asked = goingOn(request, reader.completion, left);
    }
    yield* readEvents(engine, asked, reader, signal);
    if (!reader.thinksTooLong) return;
  }
}

/** The request for what comes after a part of the reply. */
function goingOn(request: EngineRequest, completion: readonly number[], maxTokens: number): EngineRequest {
  const tokens = Int32Array.from([...request.tokens, ...completion]);
  return { ...request, tokens, maxTokens, replied: completion.length };
}

/** Reads until the reply ends, or must be told to end its thought. */
async function* readEvents(
  engine: Engine,
  request: EngineRequest,
  reader: ReplyReader,
  signal: AbortSignal | undefined,
): AsyncGenerator<TextDelta> {
  const controller = new AbortController();
  const cancel = () => controller.abort();
  if (signal?.aborted) cancel();
  signal?.addEventListener('abort', cancel, { once: true });
  try {
    for await (const events of inBatches(engine.generate(request, controller.signal))) {
      const deltas = reader.read(events);
      const ends = reader.finished || reader.thinksTooLong;
      if (ends) cancel();
      yield* deltas;
      if (ends) return;
    }
  } finally {
    signal?.removeEventListener('abort', cancel);
    cancel();
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
