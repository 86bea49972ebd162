// The parts of tokenizer.json in which kinds of tokenizers differ.
export interface TextModel {
  normalizer: object | null;
  preTokenizer: object | null;
  decoder: object;
  model: object;
  /** Whether a text begins with BOS when the file does not say. */
  addBos: boolean;
}

/** A BPE model of tokenizer.json. */
export function bpe(
  ids: ReadonlyMap<string, number>,
  merges: readonly (readonly [string, string])[],
  options: { unknown?: string; byteFallback?: boolean; ignoreMerges?: boolean } = {},
): object {
  return {
    type: 'BPE',
    dropout: null,
    unk_token: options.unknown ?? null,
    continuing_subword_prefix: null,
    end_of_word_suffix: null,
    fuse_unk: options.byteFallback ?? false,
    byte_fallback: options.byteFallback ?? false,
    ignore_merges: options.ignoreMerges ?? false,
    vocab: Object.fromEntries(ids),
    merges,
  };
}
