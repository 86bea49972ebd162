// The tokens of a GGUF file: their texts, and what each of them is.
import type { Metadata } from '../metadata.js';

export const TOKENS = 'tokenizer.ggml.tokens';
const TYPES = 'tokenizer.ggml.token_type';

/** Of `tokenizer.ggml.token_type`. */
export const TOKEN_TYPE = { normal: 1, unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 } as const;

export interface Vocabulary {
  /** By id. */
  tokens: readonly string[];
  types: readonly number[];
  ids: ReadonlyMap<string, number>;
}

export function readVocabulary(metadata: Metadata): Vocabulary {
  const tokens = metadata.strings(TOKENS);
  const ids = new Map(tokens.map((token, id) => [token, id]));
  if (tokens.length === 0) throw metadata.error(TOKENS, 'is empty');
  if (ids.size !== tokens.length) throw metadata.error(TOKENS, 'has the same token twice');
  const types = metadata.integers(TYPES);
  if (types.length !== tokens.length) {
    throw metadata.error(TYPES, `has ${types.length} entries for ${tokens.length} tokens`);
  }
  return { tokens, types, ids };
}
