// Cuts long text into parts whose ids, joined, are those of the whole: a tokenizer needs some 600 times its input's size
// in memory. Cuts are made only where this tokenizer is known to start anew. Pure.
import type { TokenizerBackend } from './tokenizer-backends.js';
import type { TokenizerDefinition } from './tokenizer-json.js';
import { partsOf } from './tokenizer-json.js';

/** UTF-16 units after which a part ends at the next place to cut. */
export const PART_LENGTH = 16_384;

/** Characters that may stand after a cut, when a letter stands before it. */
const CANDIDATES = [' ', '\n', '。', '，', '、', '！', '？', '.', ','];
const LEFT = ['a', ' The', 'É', '中', 'ع', "don't", '1a', '.b', 'a b', '🙂a'];
const RIGHT = ['', 'b', ' b', '1', '\n', '\n b', '中', "'s", '.', '...'];

/** These change a character by itself or with marks that follow it, so never across a cut. */
const LOCAL_NORMALIZERS = new Set(['NFC', 'NFD', 'NFKC', 'NFKD']);

/** Matches the place for a cut, or undefined where none is safe. */
export function findCutPattern(definition: TokenizerDefinition, backend: TokenizerBackend): RegExp | undefined {
  const normalizers = partsOf(definition.normalizer);
  const local = normalizers.every(
    (part) => LOCAL_NORMALIZERS.has(part.type) || (part.type === 'Replace' && replacesSpace(part)),
  );
  if (!local) return undefined;
  let safe = CANDIDATES.filter((candidate) => cutsBefore(candidate, backend));
  if (safe.length === 0 && wordsStartWithSpace(definition, backend)) safe = [' '];
  return safe.length === 0 ? undefined : new RegExp(`(?<=\\p{L})[${safe.join('')}]`, 'gu');
}

/** Parts of about `length` units, none of them empty. */
export function splitLongText(text: string, cut: RegExp | undefined, length = PART_LENGTH): string[] {
  const parts: string[] = [];
  let start = 0;
  while (cut !== undefined && text.length - start > length) {
    cut.lastIndex = start + length;
    const next = cut.exec(text);
    if (next === null) break;
    parts.push(text.slice(start, next.index));
    start = next.index;
  }
  if (start < text.length) parts.push(text.slice(start));
  return parts;
}

/** Whether the pre-tokenizer always cuts between a letter and `candidate`, and then cuts the rest as if it stood alone. */
function cutsBefore(candidate: string, backend: TokenizerBackend): boolean {
  return RIGHT.every((rest) => {
    const right = backend.pieces(candidate + rest);
    return LEFT.every((left) => {
      const apart = [...backend.pieces(left), ...right];
      const whole = backend.pieces(left + candidate + rest);
      return whole.length === apart.length && whole.every((piece, i) => piece === apart[i]);
    });
  });
}

/** Without a pre-tokenizer: no token has a space after a letter, so no merge ever joins a word to the one before. */
function wordsStartWithSpace(definition: TokenizerDefinition, backend: TokenizerBackend): boolean {
  const [space] = backend.pieces(' ');
  if (space === undefined || backend.idOf(space) === undefined || /\s/u.test(space)) return false;
  const added = new Set(definition.addedTokens.map((token) => token.content));
  const joined = new RegExp(`\\p{L}${space}`, 'u');
  return !definition.tokens.some((token) => token !== undefined && joined.test(token) && !added.has(token));
}

function replacesSpace(part: { [field: string]: unknown }): boolean {
  return (part.pattern as { String?: unknown } | undefined)?.String === ' ';
}
