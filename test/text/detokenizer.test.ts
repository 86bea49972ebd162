import { describe, expect, it } from 'vitest';
import { Detokenizer } from '../../src/text/detokenizer.js';
import { loadFixture, readFixture, type TextCases, TOKENIZER_NAMES } from './fixtures.js';

const utf8 = new TextEncoder();

/** A detokenizer of tokens that are given as bytes. */
function detokenizer(tokens: readonly (string | number[])[], leadingSpaces = 0): Detokenizer {
  const bytes = tokens.map((token) => (typeof token === 'string' ? utf8.encode(token) : Uint8Array.from(token)));
  return new Detokenizer({ leadingSpaces, tokenBytes: (id) => bytes[id] ?? new Uint8Array() });
}

describe('Detokenizer', () => {
  it.each(TOKENIZER_NAMES)('streams what Python decodes at once, %s', async (name) => {
    const tokenizer = await loadFixture(name);
    const { cases, random } = readFixture<TextCases>(`${name}-cases.json`);
    for (const { ids, decoded } of [...cases, ...random]) {
      const stream = new Detokenizer(tokenizer);
      expect(ids.map((id) => stream.push(id)).join('') + stream.flush()).toBe(decoded);
    }
  });

  it('never gives half a character', async () => {
    const tokenizer = await loadFixture('byte-level');
    const stream = new Detokenizer(tokenizer);
    const text = '👨‍👩‍👧‍👦 你好 é';
    const pieces = [...(await tokenizer.encode(text))].map((id) => stream.push(id));
    expect(pieces.join('')).toBe(text);
    for (const piece of pieces) {
      expect(piece).not.toContain('\uFFFD');
      expect(piece).not.toMatch(/\p{Surrogate}/u);
    }
  });

  it('gives U+FFFD for a character that the end cuts off, once', () => {
    const stream = detokenizer(['ok', [0xf0, 0x9f], [0x91]]);
    expect([0, 1, 2].map((id) => stream.push(id))).toEqual(['ok', '', '']);
    expect(stream.flush()).toBe('\uFFFD');
  });

  it.each([
    // Expected: bytes([...]).decode('utf-8', errors='replace') of Python.
    ['a lone continuation', [0x80], '\uFFFD'],
    ['an overlong form', [0xc0, 0xaf], '\uFFFD\uFFFD'],
    ['a cut character, then text', [0xe2, 0x82, 0x41], '\uFFFDA'],
    ['a surrogate', [0xed, 0xa0, 0x80], '\uFFFD\uFFFD\uFFFD'],
    ['past U+10FFFF', [0xf4, 0x90, 0x80, 0x80], '\uFFFD\uFFFD\uFFFD\uFFFD'],
    ['a byte that never occurs', [0x41, 0xff, 0x42], 'A\uFFFDB'],
  ])('reads bad bytes as Python does: %s', (_, bytes, text) => {
    const stream = detokenizer(bytes.map((byte) => [byte]));
    expect(bytes.map((_byte, id) => stream.push(id)).join('') + stream.flush()).toBe(text);
  });

  it('keeps a byte order mark', () => {
    const stream = detokenizer(['\uFEFFx']);
    expect(stream.push(0) + stream.flush()).toBe('\uFEFFx');
  });

  it('takes off only the first spaces, over several tokens', () => {
    const tokens = [' ', ' ', ' Hello', ' there'];
    const one = detokenizer(tokens, 1);
    expect(tokens.map((_, id) => one.push(id))).toEqual(['', ' ', ' Hello', ' there']);
    const two = detokenizer([' Hello', '  x'], 2);
    expect([two.push(0), two.push(1)]).toEqual(['Hello', '  x']);
  });
});
