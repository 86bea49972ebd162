// The two libraries that can turn plain text into ids, behind one interface. No added tokens, no prefix: see
// tokenizer-json.ts. The Rust one works on libuv's threads; the JavaScript one blocks, and is there where no binary loads.

import { type Component, partsOf } from './tokenizer-json.js';

export interface TokenizerBackend {
  /** The ids of each text. */
  encode(texts: readonly string[]): Promise<(readonly number[])[]>;
  /** The text after normalization, cut where the pre-tokenizer cuts it; the pieces in the tokenizer's own alphabet. */
  pieces(text: string): readonly string[];
  idOf(token: string): number | undefined;
}

/** Throws the library's own error for a definition that it does not take. */
export async function loadBackend(plainTextJson: string): Promise<TokenizerBackend> {
  let library: typeof import('tokenizers');
  try {
    library = await import('tokenizers');
  } catch {
    return await javascriptBackend(plainTextJson);
  }
  return nativeBackend(library, plainTextJson);
}

export function nativeBackend(library: typeof import('tokenizers'), plainTextJson: string): TokenizerBackend {
  const tokenizer = library.Tokenizer.fromString(plainTextJson);
  const normalizer = tokenizer.getNormalizer();
  const preTokenizer = tokenizer.getPreTokenizer();
  return {
    async encode(texts) {
      const encodings = await tokenizer.encodeBatch([...texts], { addSpecialTokens: false });
      return encodings.map((encoding) => encoding.getIds());
    },
    pieces(text) {
      const normal = normalizer ? normalizer.normalizeString(text) : text;
      return preTokenizer ? preTokenizer.preTokenizeString(normal).map(([piece]) => piece) : [normal];
    },
    idOf: (token) => tokenizer.tokenToId(token) ?? undefined,
  };
}

export async function javascriptBackend(plainTextJson: string): Promise<TokenizerBackend> {
  const { Tokenizer } = await import('@huggingface/tokenizers');
  const definition = JSON.parse(plainTextJson) as { pre_tokenizer?: Component | null };
  const pretokenizers = partsOf(definition.pre_tokenizer).flatMap(spelledOut);
  const pre_tokenizer = pretokenizers.length === 0 ? null : { type: 'Sequence', pretokenizers };
  const tokenizer = new Tokenizer({ ...definition, pre_tokenizer }, {});
  return {
    async encode(texts) {
      return texts.map((text) => tokenizer.encode(text, { add_special_tokens: false }).ids);
    },
    pieces(text) {
      const normal = tokenizer.normalizer ? tokenizer.normalizer.normalize(text) : text;
      return tokenizer.pre_tokenizer ? tokenizer.pre_tokenizer.pre_tokenize(normal) : [normal];
    },
    idOf: (token) => tokenizer.token_to_id(token),
  };
}

/** Two kinds of pre-tokenizer that this library knows only in part, in terms of those that it knows whole. */
function spelledOut(part: Component): Component[] {
  const split = (regex: string) => ({ type: 'Split', pattern: { Regex: regex }, behavior: 'Isolated', invert: false });
  // Digits are all numeric characters, not only those of ASCII.
  if (part.type === 'Digits') return [split(part.individual_digits === true ? '\\p{N}' : '\\p{N}+')];
  // Each space of a run begins a piece.
  if (part.type === 'Metaspace' && part.split !== false) {
    const space = String(part.replacement ?? '▁');
    return [{ ...part, split: false }, split(`${space}[^${space}]*`)];
  }
  return [part];
}
