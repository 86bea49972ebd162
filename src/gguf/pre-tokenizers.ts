// How text is split before BPE, by the name that llama.cpp gives each way: the parts of tokenizer.json that differ.
import type { Metadata } from './metadata.js';

export interface PreTokenizer {
  normalizer: object | null;
  preTokenizer: object;
  /** A word that is a token as a whole is not put together from merges. */
  ignoreMerges: boolean;
}

const byteLevel = (useRegex: boolean): object => ({
  type: 'ByteLevel',
  add_prefix_space: false,
  trim_offsets: true,
  use_regex: useRegex,
});

const sequence = (...pretokenizers: object[]): object => ({ type: 'Sequence', pretokenizers });

const split = (pattern: string): object => ({
  type: 'Split',
  pattern: { Regex: pattern },
  behavior: 'Isolated',
  invert: false,
});

/** Words, numbers of `digits`, punctuation, runs of space: the pattern of GPT-4's kind of tokenizer. */
const words = (digits: string): object =>
  split(
    `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|${digits}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*` +
      '|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+',
  );

const PRE_TOKENIZERS: Record<string, PreTokenizer> = {
  'gpt-2': { normalizer: null, preTokenizer: byteLevel(true), ignoreMerges: false },
  smollm: {
    normalizer: null,
    preTokenizer: sequence({ type: 'Digits', individual_digits: true }, byteLevel(true)),
    ignoreMerges: false,
  },
  qwen2: {
    normalizer: { type: 'NFC' },
    preTokenizer: sequence(words('\\p{N}'), byteLevel(false)),
    ignoreMerges: false,
  },
  'llama-bpe': { normalizer: null, preTokenizer: sequence(words('\\p{N}{1,3}'), byteLevel(false)), ignoreMerges: true },
};

const KEY = 'tokenizer.ggml.pre';

/** A wrong guess would cost quality without a word, so an unknown or absent name is refused. */
export function readPreTokenizer(metadata: Metadata): PreTokenizer {
  const name = metadata.string(KEY);
  const found = Object.hasOwn(PRE_TOKENIZERS, name) ? PRE_TOKENIZERS[name] : undefined;
  if (found) return found;
  const supported = Object.keys(PRE_TOKENIZERS).join(', ');
  throw metadata.error(
    KEY,
    `is ${JSON.stringify(name.slice(0, 64))}, which cannot be imported; supported: ${supported}`,
  );
}
