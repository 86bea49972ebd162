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
 * string, cancels the engine's request. Throws EngineError.
 */
export async function* generateText(generation: Generation, signal?: AbortSignal): AsyncGenerator<TextDelta> {
  const { engine, request, reading } = generation;
  const reader = new ReplyReader(reading, request);
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
