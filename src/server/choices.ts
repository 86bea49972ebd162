// Runs the choices of one request at once on its model. No wire names; the routes give and take the text.

import { EngineError } from '../engine/types.js';
import { apiErrors } from '../schemas/openai-errors.js';
import type { GenerationInput, ServedModel, TextDelta, Usage } from '../services/types.js';

export type ChoiceDelta =
  | Exclude<TextDelta, { type: 'finish' }>
  | { type: 'finish'; reason: 'stop' | 'length'; usage: Usage };

/** Takes one delta of the choice `index`; that choice waits for it. */
export type DeltaSink = (index: number, delta: ChoiceDelta) => void | Promise<void>;

/**
 * Generates one reply an input, concurrently, and hands every delta to `sink`. Resolves when all are complete. The
 * first failure, or the abort of `controller`, cancels all of them, and is thrown when the last has stopped.
 */
export async function runChoices(
  model: ServedModel,
  inputs: readonly GenerationInput[],
  controller: AbortController,
  sink: DeltaSink,
): Promise<void> {
  const runs = inputs.map((input, index) => runChoice(model, input, index, controller.signal, sink));
  try {
    await Promise.all(runs);
  } catch (error) {
    controller.abort(withLimit(model, error));
    await Promise.allSettled(runs);
    throw controller.signal.reason;
  }
}

async function runChoice(
  model: ServedModel,
  input: GenerationInput,
  index: number,
  signal: AbortSignal,
  sink: DeltaSink,
): Promise<void> {
  for await (const delta of model.chat(input, signal)) {
    signal.throwIfAborted();
    if (delta.type !== 'finish') {
      await sink(index, delta);
    } else if (delta.reason === 'cancelled') {
      throw apiErrors.modelUnavailable('The engine cancelled a generation that nobody had aborted.');
    } else {
      await sink(index, { type: 'finish', reason: delta.reason, usage: delta.usage });
    }
  }
  signal.throwIfAborted();
}

/** The engine says what is too long; OpenAI's wording, which clients look for, names the model's limit first. */
function withLimit(model: ServedModel, error: unknown): unknown {
  if (!(error instanceof EngineError) || error.code !== 'context_length_exceeded') return error;
  return apiErrors.contextLengthExceeded(model.info.contextLength, error.message);
}
