// Token ids to text, piece by piece: what it returns, joined, is the tokenizer's decoding of the whole. Pure; one a reply.
import type { Tokenizer } from './types.js';

export type TokenTexts = Pick<Tokenizer, 'tokenBytes' | 'leadingSpaces'>;

/** The same tokens, but of the control tokens those that are part of one of `texts` read as their names. */
export function revealTokens(tokenizer: Tokenizer, texts: readonly string[]): TokenTexts {
  const revealed = new Map<number | undefined, Uint8Array>();
  const utf8 = new TextEncoder();
  for (const name of tokenizer.controlTokens) {
    if (texts.some((text) => text.includes(name))) revealed.set(tokenizer.idOf(name), utf8.encode(name));
  }
  if (revealed.size === 0) return tokenizer;
  return {
    leadingSpaces: tokenizer.leadingSpaces,
    tokenBytes: (id) => revealed.get(id) ?? tokenizer.tokenBytes(id),
  };
}

export class Detokenizer {
  readonly #tokenizer: Pick<Tokenizer, 'tokenBytes'>;
  // Python keeps a byte order mark in a text; so does this.
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  #leadingSpaces: number;

  constructor(tokenizer: TokenTexts) {
    this.#tokenizer = tokenizer;
    this.#leadingSpaces = tokenizer.leadingSpaces;
  }

  /** The text that the token completes: '' while a character is not whole yet. */
  push(token: number): string {
    return this.#trimStart(this.#decoder.decode(this.#tokenizer.tokenBytes(token), { stream: true }));
  }

  /** The end: U+FFFD if it comes in the middle of a character. */
  flush(): string {
    return this.#trimStart(this.#decoder.decode());
  }

  #trimStart(text: string): string {
    if (this.#leadingSpaces === 0 || text === '') return text;
    let start = 0;
    while (start < this.#leadingSpaces && text[start] === ' ') start += 1;
    this.#leadingSpaces = start === text.length ? this.#leadingSpaces - start : 0;
    return text.slice(start);
  }
}
