// The bytes of every token, from a tokenizer.json's decoder and vocabulary, so that streamed text is exact. Pure.

import { isControlToken } from './control-tokens.js';
import type { Component, TokenizerDefinition } from './tokenizer-json.js';
import { metaspaceScheme, partsOf } from './tokenizer-json.js';
import { TokenizerError } from './types.js';

type TokenDecoder = (token: string) => Uint8Array;

const utf8 = new TextEncoder();

/** All tokens' bytes in one buffer. */
export class TokenBytes {
  readonly #bytes: Uint8Array;
  /** Where each token begins; one more than there are tokens. */
  readonly #offsets: Uint32Array;

  constructor(tokens: readonly Uint8Array[]) {
    this.#offsets = new Uint32Array(tokens.length + 1);
    for (const [id, token] of tokens.entries()) {
      this.#offsets[id + 1] = (this.#offsets[id] ?? 0) + token.length;
    }
    this.#bytes = new Uint8Array(this.#offsets[tokens.length] ?? 0);
    for (const [id, token] of tokens.entries()) this.#bytes.set(token, this.#offsets[id]);
  }

  get size(): number {
    return this.#offsets.length - 1;
  }

  /** Bytes of the longest token. */
  get longest(): number {
    return this.#offsets.reduce((longest, end, id) => Math.max(longest, end - (this.#offsets[id - 1] ?? 0)), 0);
  }

  /** Empty for an id out of range: models pad their vocabulary. */
  of(id: number): Uint8Array {
    return this.#bytes.subarray(this.#offsets[id] ?? 0, this.#offsets[id + 1] ?? 0);
  }
}

/** Throws TokenizerError for a decoder that no text-generation model uses; `name` is what its message calls the file. */
export function buildTokenBytes(definition: TokenizerDefinition, name: string): TokenBytes {
  const decode = tokenDecoder(partsOf(definition.decoder), name);
  const table = Array.from(definition.tokens, (token) => (token === undefined ? new Uint8Array() : decode(token)));
  const byteLevel = definition.decoder !== undefined && hasPart(definition.decoder, 'ByteLevel');
  for (const token of definition.addedTokens) {
    if (isControlToken(token) || token.special) table[token.id] = new Uint8Array();
    // An added token is written as it reads, not in the byte alphabet.
    else if (byteLevel) table[token.id] = utf8.encode(token.content);
  }
  return new TokenBytes(table);
}

/** How many spaces decoding takes off the start of a text. */
export function leadingSpacesOf(decoder: Component | undefined): number {
  let spaces = 0;
  for (const part of partsOf(decoder)) {
    if (part.type === 'Strip' && part.content === ' ') spaces += Number(part.start ?? 0);
    if (part.type === 'Metaspace' && metaspaceScheme(part) !== 'never') spaces += 1;
  }
  return spaces;
}

function hasPart(component: Component, type: string): boolean {
  return partsOf(component).some((part) => part.type === type);
}

function tokenDecoder(parts: Component[], name: string): TokenDecoder {
  const replacements: [string, string][] = [];
  let toBytes: TokenDecoder = (token) => utf8.encode(token);
  for (const part of parts) {
    if (part.type === 'ByteLevel') toBytes = byteLevelBytes;
    else if (part.type === 'ByteFallback') toBytes = byteFallbackBytes;
    else if (part.type === 'Replace') replacements.push(replacement(part, name));
    else if (part.type === 'Metaspace') replacements.push([String(part.replacement ?? '▁'), ' ']);
    else if (part.type !== 'Fuse' && part.type !== 'Strip') throw unsupported(part.type, name);
  }
  if (parts.length === 0) throw unsupported('none', name);
  return (token) => {
    let text = token;
    for (const [from, to] of replacements) text = text.replaceAll(from, to);
    return toBytes(text);
  };
}

function replacement(part: Component, name: string): [string, string] {
  const pattern = (part.pattern as { String?: unknown } | undefined)?.String;
  if (typeof pattern !== 'string') throw unsupported('Replace with a regular expression', name);
  return [pattern, String(part.content ?? '')];
}

function unsupported(decoder: string, name: string): TokenizerError {
  return new TokenizerError(
    `${name}: cannot generate text with this decoder: ${decoder}. Supported: ByteLevel, ByteFallback, Metaspace, ` +
      'Replace (of a string), Fuse, Strip.',
  );
}

/** SentencePiece writes a byte that no piece covers as `<0xAB>`. */
function byteFallbackBytes(token: string): Uint8Array {
  const byte = /^<0x([0-9A-Fa-f]{2})>$/u.exec(token)?.[1];
  return byte === undefined ? utf8.encode(token) : Uint8Array.of(Number.parseInt(byte, 16));
}

/** GPT-2's alphabet: each byte as one visible character. A token with any other character is plain text. */
function byteLevelBytes(token: string): Uint8Array {
  const bytes = new Uint8Array(token.length);
  for (let i = 0; i < token.length; i++) {
    const byte = BYTE_ALPHABET.get(token.charAt(i));
    if (byte === undefined) return utf8.encode(token);
    bytes[i] = byte;
  }
  return bytes;
}

/** Printable Latin-1 stands for itself; the other bytes, in order, are the characters from U+0100 on. */
const BYTE_ALPHABET: ReadonlyMap<string, number> = (() => {
  const printable = (byte: number) => (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
  let next = 0x100;
  const bytes = Array.from({ length: 256 }, (_, byte) => byte);
  return new Map(bytes.map((byte) => [String.fromCharCode(printable(byte) ? byte : next++), byte]));
})();
