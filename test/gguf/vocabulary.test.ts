// Vocabularies of GGUF files against the libraries that they were trained with (scripts/fixtures/make_gguf_vocabulary_fixtures.py).
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { readGgufHeader } from '../../src/gguf/gguf-file.js';
import { convertTokenizer, type TokenizerFiles } from '../../src/gguf/vocabulary/tokenizer.js';
import { Detokenizer } from '../../src/text/detokenizer.js';
import type { Tokenizer } from '../../src/text/types.js';
import { loadDefinition } from '../text/fixtures.js';
import { memorySource } from './support/gguf-writer.js';

const FOLDER = new URL('../fixtures/gguf/vocabularies/', import.meta.url);

interface Fixture {
  texts: string[];
  prompts: string[];
  vocabularies: Record<string, { architecture: string; texts: number[][]; prompts?: number[][] }>;
}
const { texts, prompts, vocabularies } = JSON.parse(readFileSync(new URL('ids.json', FOLDER), 'utf8')) as Fixture;

function convert(name: string, architecture: string): TokenizerFiles {
  const { metadata } = readGgufHeader(memorySource(readFileSync(new URL(`${name}.gguf`, FOLDER))));
  return convertTokenizer(metadata, architecture, 128);
}

describe.each(Object.entries(vocabularies))('vocabulary %s', (name, fixture) => {
  let tokenizer: Tokenizer;
  beforeAll(async () => {
    tokenizer = await loadDefinition(convert(name, fixture.architecture).tokenizer);
  });

  it('encodes as the library does that made it', async () => {
    for (const [i, text] of texts.entries()) {
      expect([...(await tokenizer.encode(text))], JSON.stringify(text)).toEqual(fixture.texts[i]);
    }
  });

  it('streams back what it encoded', async () => {
    for (const text of texts) {
      const stream = new Detokenizer(tokenizer);
      const pieces = [...(await tokenizer.encode(text))].map((id) => stream.push(id));
      // Without a prefix, SentencePiece cannot tell a space from the character that it has for it.
      const read = name in SENTENCE_PIECE ? text.replaceAll('▁', ' ') : text;
      expect(pieces.join('') + stream.flush()).toBe(name === 'qwen2' ? read.normalize('NFC') : read);
      if (!text.includes('\uFFFD')) expect(pieces.join('')).not.toContain('\uFFFD');
    }
  });

  const expected = fixture.prompts;
  if (!expected) return; // only of those whose control tokens llama.cpp knows
  it('knows control tokens in a prompt as llama.cpp does', async () => {
    for (const [i, prompt] of prompts.entries()) {
      expect([...(await tokenizer.encodePrompt(prompt))], JSON.stringify(prompt)).toEqual(expected[i]);
    }
  });
});

const SENTENCE_PIECE = { llama: 1, gemma: 0, phi3: 1 } as const;

describe('SentencePiece vocabularies', () => {
  it.each(Object.entries(SENTENCE_PIECE))('%s strips %i space from a reply', async (name, spaces) => {
    const tokenizer = await loadDefinition(convert(name, name).tokenizer);
    expect(tokenizer.leadingSpaces).toBe(spaces);
    const hello = [...(await tokenizer.encode(' Hello'))].at(-1) as number;
    expect(new Detokenizer(tokenizer).push(hello).trimStart()).not.toBe('');
  });

  it('begin with BOS when the file does not say otherwise, and know their ends', () => {
    const { tokenizer, generationConfig, tokenizerConfig } = convert('gemma', 'gemma');
    expect(tokenizer).toMatchObject({ post_processor: { special_tokens: { '<s>': { ids: [1] } } } });
    expect(tokenizerConfig).toMatchObject({
      add_bos_token: true,
      bos_token: '<s>',
      eos_token: '</s>',
      unk_token: '<unk>',
    });
    expect(generationConfig).toEqual({ bos_token_id: 1, eos_token_id: 2 });
  });
});
