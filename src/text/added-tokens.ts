// Finds the added tokens of a tokenizer in text, as the library would, so that we decide which of them count. Pure.
import { exactTexts } from './control-tokens.js';
import type { AddedToken } from './tokenizer-json.js';

/** A stretch of plain text, or the id of an added token. */
export type Piece = string | number;

/** Splits text at a set of added tokens. */
export class AddedTokenSplitter {
  readonly #tokens: ReadonlyMap<string, AddedToken>;
  readonly #pattern: RegExp;

  constructor(tokens: readonly AddedToken[]) {
    this.#tokens = new Map(tokens.map((token) => [token.content, token]));
    this.#pattern = new RegExp(exactTexts([...this.#tokens.keys()]), 'gu');
  }

  /** Pieces in order, none of them an empty text. */
  split(text: string): Piece[] {
    if (this.#tokens.size === 0) return text === '' ? [] : [text];
    const pieces: Piece[] = [];
    let end = 0;
    for (const match of text.matchAll(this.#pattern)) {
      const token = this.#tokens.get(match[0]);
      if (token === undefined || match.index < end) continue;
      let start = match.index;
      let stop = start + match[0].length;
      if (token.single_word && touchesWord(text, start, stop)) continue;
      if (token.lstrip) start = Math.max(end, text.slice(0, start).trimEnd().length);
      if (token.rstrip) stop = text.length - text.slice(stop).trimStart().length;
      if (start > end) pieces.push(text.slice(end, start));
      pieces.push(token.id);
      end = stop;
    }
    if (end < text.length) pieces.push(text.slice(end));
    return pieces;
  }
}

function touchesWord(text: string, start: number, stop: number): boolean {
  const before = text.slice(Math.max(0, start - 2), start);
  const after = text.slice(stop, stop + 2);
  return /[\p{L}\p{M}\p{N}_]$/u.test(before) || /^[\p{L}\p{M}\p{N}_]/u.test(after);
}
