// Tokenizers as the families' own folders write them, over the vocabularies of test/fixtures/gguf: other components than an
// import makes, the same ids.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readGgufHeader } from '../../src/gguf/gguf-file.js';
import { convertTokenizer } from '../../src/gguf/vocabulary/tokenizer.js';
import { Detokenizer } from '../../src/text/detokenizer.js';
import { javascriptBackend, loadBackend } from '../../src/text/tokenizer-backends.js';
import { memorySource } from '../gguf/support/gguf-writer.js';
import { loadDefinition } from './fixtures.js';

const FOLDER = new URL('../fixtures/gguf/vocabularies/', import.meta.url);
const { texts, vocabularies } = JSON.parse(readFileSync(new URL('ids.json', FOLDER), 'utf8')) as {
  texts: string[];
  vocabularies: Record<string, { architecture: string; texts: number[][] }>;
};

interface Definition {
  added_tokens: { id: number; content: string; special: boolean }[];
  [part: string]: unknown;
}

function definition(name: string): Definition {
  const { metadata } = readGgufHeader(memorySource(readFileSync(new URL(`${name}.gguf`, FOLDER))));
  return convertTokenizer(metadata, vocabularies[name]?.architecture ?? '', 128).tokenizer as Definition;
}

const byteLevel = { type: 'ByteLevel', add_prefix_space: true, trim_offsets: false, use_regex: true };
const start = (token: string) => ({
  type: 'TemplateProcessing',
  single: [{ SpecialToken: { id: token, type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
  pair: [],
  special_tokens: {},
});

/** Each family's own way to write what the import writes otherwise. */
const FAMILIES: Record<string, [vocabulary: string, own: Partial<Definition>]> = {
  gemma: [
    'gemma',
    { pre_tokenizer: { type: 'Split', pattern: { String: ' ' }, behavior: 'MergedWithPrevious', invert: false } },
  ],
  'llama 3': ['llama-bpe', { post_processor: { type: 'Sequence', processors: [byteLevel, start('<|end|>')] } }],
  'mistral 3': ['llama', { post_processor: start('<s>') }],
  'gpt-oss': ['gpt-4o', { post_processor: byteLevel }],
  'phi 4': ['dbrx', { post_processor: null }],
};

describe.each(Object.entries(FAMILIES))('tokenizer of %s', (_, [name, own]) => {
  it.each(Object.entries({ native: loadBackend, javascript: javascriptBackend }))('%s', async (_backend, load) => {
    const tokenizer = await loadDefinition({ ...definition(name), ...own }, load);
    for (const [i, text] of texts.entries()) {
      expect([...(await tokenizer.encode(text))], JSON.stringify(text)).toEqual(vocabularies[name]?.texts[i]);
    }
  });
});

describe('a prompt begins once', () => {
  it('with the BOS that its template wrote, and a text with the one that the tokenizer knows', async () => {
    const [name, own] = FAMILIES['llama 3'] as [string, Partial<Definition>];
    const tokenizer = await loadDefinition({ ...definition(name), ...own });
    const bos = tokenizer.idOf('<|end|>') as number;
    expect(tokenizer.startTokens).toEqual([bos]);
    const prompt = [...(await tokenizer.encodePrompt('<|end|>Hello'))];
    expect(prompt.filter((id) => id === bos)).toEqual([bos]);
    expect(prompt[0]).toBe(bos);
    expect([...(await tokenizer.encode('Hello'))]).toEqual(prompt.slice(1));
  });
});

describe('bytes of a character that has no token', () => {
  it.each(['llama', 'gemma', 'phi3'])('are held back until it is whole: %s', async (name) => {
    const tokenizer = await loadDefinition(definition(name));
    const ids = [...(await tokenizer.encode('ﷺ'))].filter((id) => tokenizer.tokenBytes(id).length > 0);
    const stream = new Detokenizer(tokenizer);
    const pieces = ids.map((id) => stream.push(id));
    expect(ids.length).toBeGreaterThan(2);
    expect(pieces.slice(0, -1).join('').trim()).toBe('');
    expect(pieces.at(-1)).toBe('ﷺ');
  });
});
