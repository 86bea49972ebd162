// Grammars compiled by the addon, off the main thread, and kept. Skipped in a build without grammars.
import { describe, expect, it } from 'vitest';
import { Grammars } from '../../src/engine/grammars.js';
import { probeRuntime } from '../../src/engine/runtime.js';
import type { Vocabulary } from '../../src/engine/types.js';
import { loadBinding } from '../../src/native/binding.js';

const runtime = probeRuntime();
const hasGrammars = runtime.loads && runtime.grammars;

/** The 256 bytes and an end token. */
const VOCABULARY: Vocabulary = {
  bytes: Uint8Array.from([...Array(256).keys(), 0xff, 0x65]),
  lengths: Uint32Array.from([...Array(256).fill(1), 2]),
  endTokens: Int32Array.of(256),
  sample: new Int32Array(),
};
const text = (index: number) => `start: "${index}"\n`;

describe.skipIf(!hasGrammars)('grammars', () => {
  it('are compiled once while they are kept, also when several ask at once', async () => {
    const grammars = new Grammars(VOCABULARY);
    const [first, second] = await Promise.all([grammars.compile(text(1)), grammars.compile(text(1))]);
    expect(first).toBe(second);
    expect(await grammars.compile(text(1))).toBe(first);
    expect(await grammars.compile(text(2))).not.toBe(first);
  });

  it('go when others were used since', async () => {
    const grammars = new Grammars(VOCABULARY);
    const [old, used] = await Promise.all([grammars.compile(text(1)), grammars.compile(text(2))]);
    for (let index = 3; index < 66; index++) {
      await grammars.compile(text(index));
      expect(await grammars.compile(text(2))).toBe(used);
    }
    expect(await grammars.compile(text(1))).not.toBe(old);
  });

  it('are refused with a reason, which is not kept', async () => {
    const grammars = new Grammars(VOCABULARY);
    for (let i = 0; i < 2; i++) {
      await expect(grammars.compile('start: missing')).rejects.toMatchObject({
        code: 'invalid_grammar',
        message: expect.stringContaining('missing'),
      });
    }
    await expect(grammars.compile(text(1))).resolves.toBeDefined();
  });
});

it('a vocabulary that does not add up is refused by the addon', () => {
  const { GrammarCompiler } = loadBinding();
  const none = { ...VOCABULARY, endTokens: new Int32Array() };
  const short = { ...VOCABULARY, lengths: VOCABULARY.lengths.subarray(1) };
  expect(() => new GrammarCompiler(none)).toThrow(/endTokens/);
  expect(() => new GrammarCompiler(short)).toThrow(/lengths/);
});
