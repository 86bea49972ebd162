// Runs the choices of one request at once on its model. No wire names; the routes give and take the text.

import { EngineError } from '../engine/types.js';
import { apiErrors } from '../schemas/openai-errors.js';
import type { ServedModel, TextDelta, Usage } from '../services/types.js';

export type ChoiceDelta =
  | Exclude<TextDelta, { type: 'finish' }>
  | { type: 'finish'; reason: 'stop' | 'length'; usage: Usage };

/** Takes one delta of the choice `index`. */
export type DeltaSink = (index: number, delta: ChoiceDelta) => void;

/** One generation: a reply or a completion. */
export type Choice = (signal: AbortSignal) => AsyncIterable<TextDelta>;

export interface Choices {
  model: ServedModel;
  choices: readonly Choice[];
  /** The parameter that is at fault when the prompt is too long. */
  promptParam: 'messages' | 'prompt';
  /** And the one that is at fault when what the reply is held to cannot be compiled. */
  grammarParam: string;
}

/**
 * Generates all choices, concurrently, and hands every delta to `sink`. Resolves when all are complete. The
 * first failure, or the abort of `controller`, cancels all of them, and is thrown when the last has stopped.
 */
export async function runChoices(
  { model, choices, promptParam, grammarParam }: Choices,
  controller: AbortController,
  sink: DeltaSink,
): Promise<void> {
  const runs = choices.map((choice, index) => runChoice(choice, index, controller.signal, sink));
  try {
    await Promise.all(runs);
  } catch (error) {
    controller.abort(withPromptParam(model, promptParam, withGrammarParam(grammarParam, error)));
    await Promise.allSettled(runs);
    throw controller.signal.reason;
  }
}

async function runChoice(choice: Choice, index: number, signal: AbortSignal, sink: DeltaSink): Promise<void> {
  for await (const delta of choice(signal)) {
    signal.throwIfAborted();
    if (delta.type !== 'finish') {
      sink(index, delta);
    } else if (delta.reason === 'cancelled') {
      throw apiErrors.modelUnavailable('The engine cancelled a generation that nobody had aborted.');
    } else {
      sink(index, { type: 'finish', reason: delta.reason, usage: delta.usage });
    }
  }
  signal.throwIfAborted();
}

/**
 * The engine says what is wrong with a prompt, and not where in the request it came from. Of what is too long OpenAI's
 * wording, which clients look for, names the model's limit first.
 */
export function withPromptParam(model: ServedModel, promptParam: string, error: unknown): unknown {
  if (!(error instanceof EngineError)) return error;
  if (error.code === 'invalid_request') return apiErrors.invalidPrompt(promptParam, error.message);
  if (error.code !== 'context_length_exceeded') return error;
  return apiErrors.contextLengthExceeded(promptParam, model.info.contextLength, error.message);
}

/** The compiler says what is wrong with a grammar, and not where in the request it came from. */
function withGrammarParam(grammarParam: string, error: unknown): unknown {
  if (!(error instanceof EngineError)) return error;
  if (error.code === 'grammars_unavailable') return apiErrors.unsupportedByModel(grammarParam, error.message);
  const isGrammars = error.code === 'invalid_grammar' || error.code === 'grammar_failed';
  return isGrammars ? apiErrors.invalidGrammar(grammarParam, error.message) : error;
}
