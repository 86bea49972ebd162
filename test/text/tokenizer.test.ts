import { beforeAll, describe, expect, it, vi } from 'vitest';
import { findCutPattern, splitLongText } from '../../src/text/long-text.js';
import { loadTokenizer } from '../../src/text/tokenizer.js';
import { javascriptBackend, loadBackend, type TokenizerBackend } from '../../src/text/tokenizer-backends.js';
import { parseTokenizerJson, type TokenizerDefinition } from '../../src/text/tokenizer-json.js';
import { type Tokenizer, TokenizerError } from '../../src/text/types.js';
import {
  loadDefinition,
  loadFixture,
  readFixture,
  seededRandom,
  type TextCases,
  TOKENIZER_NAMES,
  tokenizerJson,
} from './fixtures.js';

const BACKENDS = { native: loadBackend, javascript: javascriptBackend };

// One conformance test for both libraries: what Python's `tokenizers` says of tricky text.
for (const [backend, load] of Object.entries(BACKENDS)) {
  describe.each(TOKENIZER_NAMES)(`${backend} tokenizer, %s`, (name) => {
    const fixture = readFixture<TextCases>(`${name}-cases.json`);
    let tokenizer: Tokenizer;
    beforeAll(async () => {
      tokenizer = await loadFixture(name, load);
    });

    it.each(fixture.cases)('encodes $text', async ({ text, ids }) => {
      expect([...(await tokenizer.encode(text))]).toEqual(ids);
    });

    it('decodes what it encoded, and ids in no sensible order', () => {
      for (const { ids, decoded } of [...fixture.cases, ...fixture.random]) {
        expect(tokenizer.decode(ids)).toBe(decoded);
      }
    });

    it('knows ids by text', () => {
      const { added_tokens, model } = tokenizerJson(name) as {
        added_tokens: { content: string; id: number }[];
        model: { vocab: Record<string, number> };
      };
      for (const { content, id } of added_tokens) expect(tokenizer.idOf(content)).toBe(id);
      expect(tokenizer.idOf('a')).toBe(model.vocab.a);
      expect(tokenizer.idOf('no such token')).toBeUndefined();
    });
  });
}

describe('native library', () => {
  it('gives way to the JavaScript one where its binary does not load', async () => {
    vi.doMock('tokenizers', () => {
      throw new Error('no binary for this platform');
    });
    const fallback = vi.fn(async (original: () => Promise<object>) => await original());
    vi.doMock('@huggingface/tokenizers', fallback);
    vi.resetModules();
    const { loadBackend: load } = await import('../../src/text/tokenizer-backends.js');
    const tokenizer = await loadFixture('byte-level', load);
    vi.doUnmock('tokenizers');
    vi.doUnmock('@huggingface/tokenizers');
    expect(fallback).toHaveBeenCalledOnce();
    expect(tokenizer.decode(await tokenizer.encode('Hello, world!'))).toBe('Hello, world!');
  });

  it('encodes off the main thread', async () => {
    const tokenizer = await loadFixture('byte-level');
    const order: string[] = [];
    const encoded = tokenizer.encode('hello world '.repeat(20_000)).then(() => order.push('encoded'));
    setImmediate(() => order.push('event loop'));
    await encoded;
    expect(order).toEqual(['event loop', 'encoded']);
  });
});

describe('tokenBytes', () => {
  it('is empty for control tokens and for ids past the vocabulary', async () => {
    const tokenizer = await loadFixture('byte-level');
    for (const token of tokenizer.controlTokens) {
      expect(tokenizer.tokenBytes(tokenizer.idOf(token) ?? -1)).toHaveLength(0);
    }
    expect(tokenizer.tokenBytes(tokenizer.vocabSize)).toHaveLength(0);
    expect(tokenizer.tokenBytes(-1)).toHaveLength(0);
  });

  it('gives an added token that is not special as it reads', async () => {
    const tokenizer = await loadFixture('byte-level');
    const id = tokenizer.idOf('<think>') ?? -1;
    expect(new TextDecoder().decode(tokenizer.tokenBytes(id))).toBe('<think>');
  });
});

describe.each(Object.entries(BACKENDS))('control tokens in the vocabulary, %s', (_, load) => {
  const special = { id: 1, content: '</s>', special: true };
  const metaspace = { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always' };

  it('are not made of plain text by a Unigram model', async () => {
    const pieces = ['<unk>', '</s>', '▁', '<', '/', 's', '>', '</', 's>'].map((piece, id) => [
      piece,
      id === 1 ? 0 : -id,
    ]);
    const tokenizer = await loadDefinition(
      {
        added_tokens: [{ id: 0, content: '<unk>', special: true }, special],
        pre_tokenizer: metaspace,
        decoder: metaspace,
        model: { type: 'Unigram', unk_id: 0, vocab: pieces },
      },
      load,
    );
    const ids = [...(await tokenizer.encode('</s>'))];
    expect(ids).not.toContain(1);
    expect(tokenizer.decode(ids)).toBe('</s>');
    expect(tokenizer.idOf('</s>')).toBe(1);
  });

  it('are not made of plain text where whole words are looked up before merges', async () => {
    const vocab = { a: 0, '</s>': 1, '<': 2, '/': 3, s: 4, '>': 5 };
    const model = { type: 'BPE', vocab, merges: [], ignore_merges: true };
    const tokenizer = await loadDefinition({ added_tokens: [special], decoder: metaspace, model }, load);
    expect([...(await tokenizer.encode('</s>a'))]).toEqual([2, 3, 4, 5, 0]);
    expect([...(await tokenizer.encodePrompt('</s>a'))]).toEqual([1, 0]);
  });
});

describe('bad text', () => {
  it.each(['byte-level', 'sentencepiece'] as const)('takes a lone surrogate for U+FFFD, %s', async (name) => {
    const tokenizer = await loadFixture(name);
    const expected = await tokenizer.encode('a\uFFFDb\uFFFD');
    expect(await tokenizer.encode('a\uD800b\uDFFF')).toEqual(expected);
    expect(await tokenizer.encodePrompt('a\uD800b\uDFFF')).toEqual(expected);
  });
});

describe('long text', () => {
  const LETTERS = [
    'a',
    'bc',
    'Word',
    ' ',
    '  ',
    '\n',
    '\n\n',
    '.',
    ', ',
    "'s",
    '1',
    '23',
    '中',
    '。',
    'é',
    '🙂',
    '\t',
    '▁',
    '-',
  ];

  interface Loaded {
    definition: TokenizerDefinition;
    backend: TokenizerBackend;
    cut: RegExp | undefined;
  }

  async function open(name: (typeof TOKENIZER_NAMES)[number]): Promise<Loaded> {
    const definition = parseTokenizerJson(JSON.stringify(tokenizerJson(name)), name);
    const backend = await loadBackend(definition.plainTextJson);
    return { definition, backend, cut: findCutPattern(definition, backend) };
  }

  it.each(TOKENIZER_NAMES)('cut anywhere it may be cut has the same ids, %s', async (name) => {
    const { backend, cut } = await open(name);
    const random = seededRandom(11);
    const pick = () => LETTERS[Math.floor(random() * LETTERS.length)] ?? '';
    for (let round = 0; round < 200; round++) {
      const text = Array.from({ length: 60 }, pick).join('');
      const parts = splitLongText(text, cut, 1 + (round % 8));
      expect(parts.join('')).toBe(text);
      const [whole] = await backend.encode([text]);
      expect((await backend.encode(parts)).flat(), JSON.stringify(parts)).toEqual(whole);
    }
  });

  it.each(TOKENIZER_NAMES)('of prose is cut into short parts, %s', async (name) => {
    const { cut } = await open(name);
    const parts = splitLongText('The quick brown fox jumps over it. '.repeat(100), cut, 50);
    expect(Math.max(...parts.map((part) => part.length))).toBeLessThan(60);
  });

  it('is never cut inside a word', async () => {
    const { cut } = await open('byte-level');
    expect(splitLongText('x'.repeat(500), cut, 50)).toHaveLength(1);
    expect(splitLongText('语'.repeat(500), cut, 50)).toHaveLength(1);
  });

  it('is not cut where the normalizer looks at the whole text', async () => {
    const { definition, backend } = await open('byte-level');
    expect(findCutPattern({ ...definition, normalizer: { type: 'Strip' } }, backend)).toBeUndefined();
  });

  it('is not cut at spaces when a token joins words', async () => {
    const { definition, backend } = await open('sentencepiece');
    const tokens = [...definition.tokens, 'of▁the'];
    expect(findCutPattern({ ...definition, tokens }, backend)).toBeUndefined();
  });

  it('of a megabyte has the ids of its parts', async () => {
    const tokenizer = await loadFixture('byte-level');
    const line = 'Sphinx of black quartz, judge my vow 123 times.\n';
    const one = await tokenizer.encode(line);
    const count = Math.ceil(1_000_000 / line.length);
    const all = await tokenizer.encode(line.repeat(count));
    expect(all.length).toBe(one.length * count);
    expect(all.slice(-one.length)).toEqual(one);
  });
});

describe('a tokenizer that cannot be used says why', () => {
  it('missing', async () => {
    const loading = loadTokenizer('/no/such/model');
    await expect(loading).rejects.toThrow(TokenizerError);
    await expect(loading).rejects.toThrow(/no tokenizer\.json/);
  });

  it.each([
    ['cut JSON', '{"model": {', /not valid JSON/],
    ['not an object', '[]', /not a tokenizer/],
    ['no model', '{}', /model/],
    ['no vocabulary', { model: { type: 'BPE', merges: [] } }, /model\.vocab/],
    ['an empty vocabulary', { model: { type: 'BPE', vocab: {}, merges: [] } }, /empty vocabulary/],
    ['a piece that is none', { model: { type: 'Unigram', vocab: [null] } }, /vocabulary gives null/],
    ['a broken sequence', { ...tokenizerJson('byte-level'), decoder: { type: 'Sequence', decoders: [5] } }, /usable/],
    ['an absurd id', { model: { type: 'BPE', vocab: { a: 4e9 }, merges: [] } }, /"a" the id 4000000000/],
    ['a negative id', { model: { type: 'BPE', vocab: { a: -1 }, merges: [] } }, /the id -1/],
    [
      'a merge of nothing',
      { ...tokenizerJson('byte-level'), model: { type: 'BPE', vocab: { a: 0 }, merges: ['b c'] } },
      /usable/,
    ],
    ['an unknown decoder', { ...tokenizerJson('byte-level'), decoder: { type: 'WordPiece' } }, /WordPiece/],
    ['no decoder', { ...tokenizerJson('byte-level'), decoder: null }, /decoder: none/],
    ['an unknown pre-tokenizer', { ...tokenizerJson('byte-level'), pre_tokenizer: { type: 'Magic' } }, /usable/],
  ])('%s', async (_, definition, message) => {
    const loading = loadDefinition(definition);
    await expect(loading).rejects.toThrow(TokenizerError);
    await expect(loading).rejects.toThrow(message);
  });
});
