// Prompts of a completion, which no template touches: text, or tokens as they are.
import { EngineError } from '../engine/types.js';
import { shieldControlTokens } from '../text/control-tokens.js';
import { fillMiddlePrompt } from '../text/fill-in-the-middle.js';
import type { Tokenizer } from '../text/types.js';
import type { CompletionInput } from './types.js';

export interface RawPrompt {
  tokens: Int32Array;
  /** How many of them, at the start, stand for nothing in the prompt. */
  added: number;
}

/**
 * The tokens that the model reads. A text may hold control tokens: whoever writes a raw prompt writes its markers. It
 * begins as the tokenizer begins a text, tokens begin as they do. Throws EngineError `invalid_request` for tokens out of
 * the vocabulary, for nothing at all, and for a suffix where the model was not taught to fill in.
 */
export async function rawPrompt(
  tokenizer: Tokenizer,
  { prompt, suffix }: Pick<CompletionInput, 'prompt' | 'suffix'>,
): Promise<RawPrompt> {
  const own = typeof prompt === 'string' ? await encodeRaw(tokenizer, prompt) : checked(tokenizer, prompt);
  const filled = suffix === undefined ? own : fillMiddlePrompt(tokenizer, own, await tokenizer.encode(suffix));
  if (filled === undefined) throw invalid('This model was not taught to fill in text before a suffix.');
  const isBegun = typeof prompt !== 'string' || filled[0] === tokenizer.startTokens[0];
  const start = isBegun ? [] : tokenizer.startTokens;
  const tokens = [...start, ...filled];
  if (tokens.length === 0) throw invalid('The prompt is empty: this model needs one token at least.');
  return { tokens: Int32Array.from(tokens), added: start.length };
}

/** Text with its control tokens. */
export async function encodeRaw(tokenizer: Tokenizer, text: string): Promise<Int32Array> {
  return tokenizer.encodePrompt(shieldControlTokens(text, []));
}

function checked({ vocabSize }: Tokenizer, tokens: readonly number[]): readonly number[] {
  const wrong = tokens.find((token) => token >= vocabSize);
  if (wrong === undefined) return tokens;
  throw invalid(`The token ${wrong} is not in this model's vocabulary of ${vocabSize}.`);
}

const invalid = (message: string) => new EngineError('invalid_request', message);
