// How text is split before byte-level BPE, by the name that llama.cpp gives each way: the parts of tokenizer.json that
// differ. The patterns are those of the models' own tokenizer.json files.
import type { Metadata } from '../metadata.js';

export interface PreTokenizer {
  normalizer: object | null;
  preTokenizer: object;
  /** A word that is a token as a whole is not put together from merges. */
  ignoreMerges: boolean;
  /** A text begins with BOS when the file does not say. */
  addBos: boolean;
}

const byteLevel = (useRegex: boolean): object => ({
  type: 'ByteLevel',
  add_prefix_space: false,
  trim_offsets: true,
  use_regex: useRegex,
});

const split = (pattern: string): object => ({
  type: 'Split',
  pattern: { Regex: pattern },
  behavior: 'Isolated',
  invert: false,
});

const digits = (individual: boolean): object => ({ type: 'Digits', individual_digits: individual });

/** Some splits one after the other, then bytes. */
const splits = (...parts: object[]): object => ({ type: 'Sequence', pretokenizers: [...parts, byteLevel(false)] });

const CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
const SPACES = '\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+';

/** Words, numbers of `number`, punctuation, runs of space: the pattern of GPT-4's kind of tokenizer. */
const words = (number: string): object =>
  split(`${CONTRACTIONS}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|${number}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|${SPACES}`);

/** As `words`, but a capital letter begins a word: the pattern of GPT-4o's kind, with what may follow a word. */
const casedWords = (number: string, suffix: string): object => {
  const upper = '[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]';
  const lower = '[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]';
  const before = '[^\\r\\n\\p{L}\\p{N}]?';
  return split(
    `${before}${upper}*${lower}+${suffix}|${before}${upper}+${lower}*${suffix}|${number}` +
      `| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|${SPACES}`,
  );
};

const CJK = '[一-龥ࠀ-一가-퟿]+';
const DEEPSEEK_LETTERS =
  'A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-ᴫᵫ-ᵷᵹ-ᶚḀ-ἕἘ-Ἕἠ-ὅὈ-Ὅὐ-ὗὙὛὝὟ-\u1f7dᾀ-ᾴᾶ-ᾼ\u1fbeῂ-ῄῆ-ῌ' +
  'ῐ-\u1fd3ῖ-\u1fdbῠ-Ῥῲ-ῴῶ-ῼℂℇℊ-ℓℕℙ-ℝℤ\u2126ℨ\u212a-ℭℯ-ℴℹℼ-ℿⅅ-ⅉⅎↃↄⰀ-ⱻⱾ-ⳤⳫ-ⳮⳲⳳꙀ-ꙭꚀ-ꚛꜢ-ꝯꝱ-ꞇꞋ-ꞎꭰ-ꮿﬀ-ﬆﬓ-ﬗＡ-Ｚａ-ｚ𐐀-𐑏𐒰-𐓓𐓘-𐓻𐲀-𐲲𐳀-𐳲𑢠-𑣟𞤀-𞥃';
const DEEPSEEK_V3 =
  '[!"#$%&\'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+' +
  `| ?[\\p{P}\\p{S}]+[\\r\\n]*|${SPACES}`;

const plain = (preTokenizer: object): PreTokenizer => ({
  normalizer: null,
  preTokenizer,
  ignoreMerges: false,
  addBos: false,
});

const gpt2 = plain(byteLevel(true));
const singleDigits = plain({ type: 'Sequence', pretokenizers: [digits(true), byteLevel(true)] });
const qwen2: PreTokenizer = { ...plain(splits(words('\\p{N}'))), normalizer: { type: 'NFC' } };
const llama3: PreTokenizer = { ...plain(splits(words('\\p{N}{1,3}'))), ignoreMerges: true, addBos: true };

const PRE_TOKENIZERS: Record<string, PreTokenizer> = {
  'gpt-2': gpt2,
  'phi-2': gpt2,
  smollm: singleDigits,
  starcoder: singleDigits,
  refact: singleDigits,
  qwen2,
  'deepseek-r1-qwen': qwen2,
  'llama-bpe': llama3,
  llama3,
  'llama-v3': llama3,
  falcon3: llama3,
  pixtral: llama3,
  dbrx: plain(splits(words('\\p{N}{1,3}'))),
  'gpt-4o': plain(splits(casedWords('\\p{N}{1,3}', `${CONTRACTIONS}?`))),
  tekken: { ...plain(splits(casedWords('\\p{N}', ''))), ignoreMerges: true, addBos: true },
  'deepseek-llm': plain(
    splits(
      split('[\\r\\n]'),
      split(`\\s?[${DEEPSEEK_LETTERS}]+`),
      split('\\s?[!-/:-~！-／：-～‘-‟　-。]+'),
      split('\\s+$'),
      split(CJK),
      digits(true),
    ),
  ),
  'deepseek-coder': plain(
    splits(split('[\\r\\n]'), split('\\s?\\p{L}+'), split('\\s?\\p{P}+'), split(CJK), digits(true)),
  ),
  'deepseek-v3': plain(splits(split('\\p{N}{1,3}'), split('[一-龥぀-ゟ゠-ヿ]+'), split(DEEPSEEK_V3))),
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
