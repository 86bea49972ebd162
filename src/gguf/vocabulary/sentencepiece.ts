// SentencePiece's BPE, GGUF's tokenizer model `llama`: spaces are a visible character, a character without a token falls
// back to its bytes, and the pair whose union has the highest score is merged first.
import type { Metadata } from '../metadata.js';
import { bpe, type TextModel } from './text-model.js';
import { TOKEN_TYPE, type Vocabulary } from './vocabulary.js';

const SCORES = 'tokenizer.ggml.scores';
const EXTRA_SPACES = 'tokenizer.ggml.remove_extra_whitespaces';
const SPACE = '▁';
/** SentencePiece's own limit is 16; Gemma has tokens of 31 spaces. */
const MAX_MERGED = 128;

/** `unknown` is the text of the token for what has no token and no bytes. */
export function readSentencePiece(metadata: Metadata, vocabulary: Vocabulary, unknown: string): TextModel {
  if (metadata.boolean(EXTRA_SPACES, false)) throw metadata.error(EXTRA_SPACES, 'is true, which cannot be imported');
  const prefix = metadata.boolean('tokenizer.ggml.add_space_prefix', true);
  const replace = { type: 'Replace', pattern: { String: ' ' }, content: SPACE };
  const decoders = [
    { type: 'Replace', pattern: { String: SPACE }, content: ' ' },
    { type: 'ByteFallback' },
    { type: 'Fuse' },
    ...(prefix ? [{ type: 'Strip', content: ' ', start: 1, stop: 0 }] : []),
  ];
  return {
    normalizer: prefix ? { type: 'Sequence', normalizers: [{ type: 'Prepend', prepend: SPACE }, replace] } : replace,
    preTokenizer: null,
    decoder: { type: 'Sequence', decoders },
    model: bpe(vocabulary.ids, mergesOf(vocabulary, readScores(metadata, vocabulary)), { unknown, byteFallback: true }),
    addBos: true,
  };
}

function readScores(metadata: Metadata, { tokens }: Vocabulary): number[] {
  const scores = metadata.reals(SCORES);
  if (scores.length !== tokens.length) {
    throw metadata.error(SCORES, `has ${scores.length} entries for ${tokens.length} tokens`);
  }
  return scores;
}

/**
 * All pairs of tokens whose union is a token of text, the highest score first. Of equal ones, as transformers' converter
 * has it, the pair with the longer left side.
 */
function mergesOf({ tokens, types, ids }: Vocabulary, scores: readonly number[]): [string, string][] {
  const merges: { pair: [string, string]; score: number; left: number }[] = [];
  for (const [id, token] of tokens.entries()) {
    if (!isText(types[id] as number) || token.length > MAX_MERGED) continue;
    const characters = [...token];
    for (let left = characters.length - 1; left > 0; left--) {
      const pair: [string, string] = [characters.slice(0, left).join(''), characters.slice(left).join('')];
      if (pair.every((part) => ids.has(part))) merges.push({ pair, score: scores[id] as number, left });
    }
  }
  return merges.sort((a, b) => b.score - a.score || b.left - a.left).map(({ pair }) => pair);
}

const isText = (type: number): boolean =>
  type === TOKEN_TYPE.normal || type === TOKEN_TYPE.userDefined || type === TOKEN_TYPE.unused;
