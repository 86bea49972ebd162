// The tokenizer in a GGUF file's metadata as Hugging Face's files: tokenizer.json, tokenizer_config.json, generation_config.json.
import type { Metadata } from './metadata.js';
import { readPreTokenizer } from './pre-tokenizers.js';

export interface TokenizerFiles {
  /** Tokens of the vocabulary, added ones included. */
  tokenCount: number;
  bosTokenId?: number;
  eosTokenIds: readonly number[];
  tokenizer: object;
  tokenizerConfig: object;
  generationConfig: object;
}

const TOKENS = 'tokenizer.ggml.tokens';
const TYPES = 'tokenizer.ggml.token_type';
const MERGES = 'tokenizer.ggml.merges';
/** Of `tokenizer.ggml.token_type`. */
const CONTROL = 3;
const USER_DEFINED = 4;

export function convertTokenizer(metadata: Metadata, contextLength: number): TokenizerFiles {
  const model = metadata.string('tokenizer.ggml.model');
  if (model !== 'gpt2') {
    throw metadata.error(
      'tokenizer.ggml.model',
      `is ${JSON.stringify(model.slice(0, 64))}, which cannot be imported; supported: gpt2 (byte-level BPE)`,
    );
  }
  const tokens = metadata.strings(TOKENS);
  const vocab = new Map(tokens.map((token, id) => [token, id]));
  if (tokens.length === 0) throw metadata.error(TOKENS, 'is empty');
  if (vocab.size !== tokens.length) throw metadata.error(TOKENS, 'has the same token twice');
  const special = readSpecialIds(metadata, tokens.length);
  return {
    tokenCount: tokens.length,
    ...(special.bos === undefined ? {} : { bosTokenId: special.bos }),
    eosTokenIds: special.ends,
    tokenizer: tokenizerJson(metadata, tokens, vocab, special),
    tokenizerConfig: tokenizerConfig(metadata, tokens, special, contextLength),
    generationConfig: {
      ...(special.bos === undefined ? {} : { bos_token_id: special.bos }),
      ...(special.ends.length === 0
        ? {}
        : { eos_token_id: special.ends.length === 1 ? special.ends[0] : special.ends }),
      ...(special.pad === undefined ? {} : { pad_token_id: special.pad }),
    },
  };
}

interface SpecialIds {
  bos: number | undefined;
  eos: number | undefined;
  unk: number | undefined;
  pad: number | undefined;
  /** Every token that ends a reply: of the text, of the turn, of the message. */
  ends: number[];
  addBos: boolean;
}

function readSpecialIds(metadata: Metadata, tokenCount: number): SpecialIds {
  const id = (name: string): number | undefined =>
    metadata.integer(`tokenizer.ggml.${name}_token_id`, 0, tokenCount - 1, undefined);
  const bos = id('bos');
  const eos = id('eos');
  const ends = [eos, id('eot'), id('eom')].filter((end) => end !== undefined);
  const addBos = metadata.boolean('tokenizer.ggml.add_bos_token', false);
  if (addBos && bos === undefined) {
    throw metadata.error('tokenizer.ggml.add_bos_token', 'is true, but there is no tokenizer.ggml.bos_token_id');
  }
  return { bos, eos, unk: id('unknown'), pad: id('padding'), ends: [...new Set(ends)], addBos };
}

function tokenizerJson(
  metadata: Metadata,
  tokens: readonly string[],
  vocab: ReadonlyMap<string, number>,
  { bos, addBos }: SpecialIds,
): object {
  const { normalizer, preTokenizer, ignoreMerges } = readPreTokenizer(metadata);
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: readAddedTokens(metadata, tokens),
    normalizer,
    pre_tokenizer: preTokenizer,
    post_processor: addBos && bos !== undefined ? bosTemplate(tokens[bos] as string, bos) : null,
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: ignoreMerges,
      vocab: Object.fromEntries(vocab),
      merges: readMerges(metadata, vocab),
    },
  };
}

function readAddedTokens(metadata: Metadata, tokens: readonly string[]): object[] {
  const types = metadata.integers(TYPES);
  if (types.length !== tokens.length) {
    throw metadata.error(TYPES, `has ${types.length} entries for ${tokens.length} tokens`);
  }
  return types.flatMap((type, id) => {
    if (type !== CONTROL && type !== USER_DEFINED) return [];
    const content = tokens[id] as string;
    if (content === '') throw metadata.error(TOKENS, `has an empty added token, number ${id}`);
    return [
      { id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: type === CONTROL },
    ];
  });
}

function readMerges(metadata: Metadata, vocab: ReadonlyMap<string, number>): [string, string][] {
  return metadata.strings(MERGES).map((merge, i) => {
    const [left, right, ...rest] = merge.split(' ');
    const isPair = left && right && rest.length === 0 && vocab.has(left) && vocab.has(right) && vocab.has(left + right);
    if (!isPair) {
      throw metadata.error(MERGES, `has entry ${i}, ${JSON.stringify(merge.slice(0, 64))}, which is no pair of tokens`);
    }
    return [left, right];
  });
}

const bosTemplate = (token: string, id: number): object => ({
  type: 'TemplateProcessing',
  single: [{ SpecialToken: { id: token, type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
  pair: [
    { SpecialToken: { id: token, type_id: 0 } },
    { Sequence: { id: 'A', type_id: 0 } },
    { Sequence: { id: 'B', type_id: 1 } },
  ],
  special_tokens: { [token]: { id: token, ids: [id], tokens: [token] } },
});

function tokenizerConfig(
  metadata: Metadata,
  tokens: readonly string[],
  { bos, eos, unk, pad, addBos }: SpecialIds,
  contextLength: number,
): object {
  const named = Object.entries({ bos_token: bos, eos_token: eos, unk_token: unk, pad_token: pad });
  const template = metadata.string('tokenizer.chat_template', undefined);
  return {
    tokenizer_class: 'PreTrainedTokenizerFast',
    model_max_length: contextLength,
    clean_up_tokenization_spaces: false,
    add_bos_token: addBos,
    ...Object.fromEntries(named.flatMap(([name, id]) => (id === undefined ? [] : [[name, tokens[id]]]))),
    ...(template === undefined ? {} : { chat_template: template }),
  };
}
