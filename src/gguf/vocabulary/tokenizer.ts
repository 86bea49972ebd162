// The tokenizer in a GGUF file's metadata as Hugging Face's files: tokenizer.json, tokenizer_config.json, generation_config.json.
import type { Metadata } from '../metadata.js';
import { readByteLevel } from './byte-level.js';
import { readSentencePiece } from './sentencepiece.js';
import type { TextModel } from './text-model.js';
import { readVocabulary, TOKEN_TYPE, TOKENS, type Vocabulary } from './vocabulary.js';

export interface TokenizerFiles {
  /** Tokens of the vocabulary, added ones included. */
  tokenCount: number;
  tokenizer: object;
  tokenizerConfig: object;
  generationConfig: object;
}

const MODEL = 'tokenizer.ggml.model';
/** GGUF's names. */
const BYTE_LEVEL = 'gpt2';
const SENTENCE_PIECE = 'llama';

/** `architecture` is GGUF's name of it. */
export function convertTokenizer(metadata: Metadata, architecture: string, contextLength: number): TokenizerFiles {
  const kind = metadata.string(MODEL);
  if (kind !== BYTE_LEVEL && kind !== SENTENCE_PIECE) {
    throw metadata.error(
      MODEL,
      `is ${JSON.stringify(kind.slice(0, 64))}, which cannot be imported; supported: gpt2 (byte-level BPE), llama ` +
        '(SentencePiece)',
    );
  }
  const vocabulary = readVocabulary(metadata);
  const ids = readSpecialIds(metadata, vocabulary.tokens.length, kind);
  const model =
    kind === BYTE_LEVEL
      ? readByteLevel(metadata, vocabulary)
      : readSentencePiece(metadata, vocabulary, vocabulary.tokens[ids.unk ?? 0] as string);
  const addBos = readAddBos(metadata, model.addBos, ids);
  // Phi-3's own tokenizer takes off white space after its control tokens; GGUF does not say so, and llama.cpp knows it too.
  const trims = architecture === 'phi3' && kind === SENTENCE_PIECE;
  return {
    tokenCount: vocabulary.tokens.length,
    tokenizer: tokenizerJson(model, readAddedTokens(metadata, vocabulary, trims), startOf(vocabulary, ids, addBos)),
    tokenizerConfig: tokenizerConfig(metadata, vocabulary, ids, addBos, contextLength),
    generationConfig: generationConfig(ids),
  };
}

interface SpecialIds {
  bos: number | undefined;
  eos: number | undefined;
  unk: number | undefined;
  pad: number | undefined;
  /** Every token that ends a reply: of the text, of the turn, of the message. */
  ends: number[];
}

/** What a SentencePiece file means that does not name these. */
const SENTENCE_PIECE_IDS: Record<string, number> = { unknown: 0, bos: 1, eos: 2 };

function readSpecialIds(metadata: Metadata, tokenCount: number, kind: string): SpecialIds {
  const id = (name: string): number | undefined => {
    const usual = kind === SENTENCE_PIECE ? SENTENCE_PIECE_IDS[name] : undefined;
    return metadata.integer(`tokenizer.ggml.${name}_token_id`, 0, tokenCount - 1, usual);
  };
  const eos = id('eos');
  const ends = [eos, id('eot'), id('eom')].filter((end) => end !== undefined);
  return { bos: id('bos'), eos, unk: id('unknown'), pad: id('padding'), ends: [...new Set(ends)] };
}

function readAddBos(metadata: Metadata, usual: boolean, { bos }: SpecialIds): boolean {
  const key = 'tokenizer.ggml.add_bos_token';
  const addBos = metadata.boolean(key, usual && bos !== undefined);
  if (addBos && bos === undefined) {
    throw metadata.error(key, 'is true, but there is no tokenizer.ggml.bos_token_id');
  }
  return addBos;
}

/** What stands before every text: text and id of BOS, where the model wants one. */
function startOf({ tokens }: Vocabulary, { bos }: SpecialIds, addBos: boolean): [string, number] | undefined {
  return addBos && bos !== undefined ? [tokens[bos] as string, bos] : undefined;
}

function tokenizerJson(text: TextModel, addedTokens: object[], start: [string, number] | undefined): object {
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: addedTokens,
    normalizer: text.normalizer,
    pre_tokenizer: text.preTokenizer,
    post_processor: start ? bosTemplate(...start) : null,
    decoder: text.decoder,
    model: text.model,
  };
}

/** Texts of Phi-3's after which white space stays. */
const KEEP_SPACE = ['<unk>', '<s>', '<|endoftext|>'];

function readAddedTokens(metadata: Metadata, { tokens, types }: Vocabulary, trims: boolean): object[] {
  return types.flatMap((type, id) => {
    const special = type === TOKEN_TYPE.control || type === TOKEN_TYPE.unknown;
    if (!special && type !== TOKEN_TYPE.userDefined) return [];
    const content = tokens[id] as string;
    if (content === '') throw metadata.error(TOKENS, `has an empty added token, number ${id}`);
    const rstrip = trims && !KEEP_SPACE.includes(content);
    return [{ id, content, single_word: false, lstrip: false, rstrip, normalized: false, special }];
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
  { tokens }: Vocabulary,
  { bos, eos, unk, pad }: SpecialIds,
  addBos: boolean,
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

function generationConfig({ bos, ends, pad }: SpecialIds): object {
  const [first, ...others] = ends;
  return {
    ...(bos === undefined ? {} : { bos_token_id: bos }),
    ...(first === undefined ? {} : { eos_token_id: others.length === 0 ? first : ends }),
    ...(pad === undefined ? {} : { pad_token_id: pad }),
  };
}
