// The fixtures that scripts/fixtures/make_text_fixtures.py writes, typed, and tokenizers loaded from them.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadTokenizer } from '../../src/text/tokenizer.js';
import { loadBackend } from '../../src/text/tokenizer-backends.js';
import type { Tokenizer } from '../../src/text/types.js';

const FOLDER = new URL('../fixtures/text/', import.meta.url);

export const TOKENIZER_NAMES = ['byte-level', 'tiktoken', 'sentencepiece', 'metaspace'] as const;
export type TokenizerName = (typeof TOKENIZER_NAMES)[number];

export interface TextCases {
  cases: { text: string; ids: number[]; decoded: string }[];
  /** Ids in no sensible order; broken characters included. */
  random: { ids: number[]; decoded: string }[];
}

export interface ChatCases {
  templates: { name: string; tokenizer: TokenizerName; special_tokens: Record<string, string>; template: string }[];
  chats: { name: string; prompt: boolean; messages: { role: string; content: string }[]; tools?: object[] }[];
  cases: {
    template: string;
    tokenizer: TokenizerName;
    chat: string;
    rendered?: string;
    ids?: number[];
    error?: string;
  }[];
}

export function readFixture<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(name, FOLDER), 'utf8')) as T;
}

/** The tokenizer.json of a fixture. `metaspace` is `sentencepiece`'s model as newer files write it. */
export function tokenizerJson(name: TokenizerName): Record<string, unknown> {
  if (name !== 'metaspace') return readFixture(`${name}/tokenizer.json`);
  return {
    ...readFixture<object>('sentencepiece/tokenizer.json'),
    normalizer: null,
    pre_tokenizer: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'first', split: true },
  };
}

export async function loadFixture(name: TokenizerName, load = loadBackend): Promise<Tokenizer> {
  return await loadDefinition(tokenizerJson(name), load);
}

/** A tokenizer from the text or value of a tokenizer.json. */
export async function loadDefinition(definition: object | string, load = loadBackend): Promise<Tokenizer> {
  const folder = mkdtempSync(join(tmpdir(), 'mlxd-tokenizer-'));
  try {
    const source = typeof definition === 'string' ? definition : JSON.stringify(definition);
    writeFileSync(join(folder, 'tokenizer.json'), source);
    return await loadTokenizer(folder, load);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** A repeatable source of numbers in [0, 1): mulberry32. */
export function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
