// Bytes of any kind, in and around each format's markers: the reader never fails, and what a client gets does not depend
// on which tokens came together.
import { describe, expect, it } from 'vitest';
import type { TokenEvent } from '../../src/engine/types.js';
import { ReplyReader } from '../../src/services/reply-reader.js';
import type { TextDelta } from '../../src/services/types.js';
import type { TokenTexts } from '../../src/text/detokenizer.js';
import { makeReplyParser } from '../../src/text/reply-format.js';
import { TOOL_CALL_FORMATS, type ToolCallFormatName } from '../../src/text/tool-calls/formats.js';
import { seededRandom } from '../text/fixtures.js';
import { CORPUS, TOOLS } from '../text/tool-calls/corpus.js';

const THINK = { open: '<think>', close: '</think>' };
const FORMATS = Object.keys(TOOL_CALL_FORMATS) as ToolCallFormatName[];
const random = seededRandom(23);
const below = (limit: number) => Math.floor(random() * limit);

/** The 256 bytes, then the pieces of a format's replies and the tags of thoughts. */
function vocabularyOf(format: ToolCallFormatName): Uint8Array[] {
  const replies = CORPUS.filter((golden) => golden.format === format).map(({ raw }) => raw);
  const pieces = replies.flatMap((raw) => raw.match(/<[^>]*>|\[[A-Z_]+\]|\w+|\s+|./gsu) ?? []);
  const texts = new Set([...pieces, ...TOOL_CALL_FORMATS[format].markers, THINK.open, THINK.close]);
  const bytes = Array.from({ length: 256 }, (_, byte) => Uint8Array.of(byte));
  return [...bytes, ...[...texts].map((text) => new TextEncoder().encode(text))];
}

interface Asked {
  format: ToolCallFormatName;
  vocabulary: readonly Uint8Array[];
  thinking: boolean;
  stop: string[];
  logprobs: boolean;
}

function read(asked: Asked, groups: readonly TokenEvent[][]) {
  const { format, vocabulary, thinking, stop, logprobs } = asked;
  const tokens: TokenTexts = { leadingSpaces: 0, tokenBytes: (id) => vocabulary[id] ?? new Uint8Array() };
  const thinkTags = format === 'harmony' ? undefined : THINK;
  const parser = makeReplyParser({ toolCalls: format, thinkTags }, { tools: TOOLS, thinking });
  const sampling = { temperature: 0, topP: 1, topK: 0, minP: 0, ...(logprobs ? { logprobs: 0 } : {}) };
  const request = { tokens: Int32Array.of(1), sampling, maxTokens: 999, stopTokens: [] };
  const reader = new ReplyReader({ tokens, stop, ...(parser ? { parser } : {}) }, request);
  return together(groups.flatMap((events) => (reader.finished ? [] : reader.read(events))));
}

/** What a client holds in the end. Ids of calls are drawn by chance. */
function together(deltas: readonly TextDelta[]) {
  const whole = { text: '', reasoning: '', scored: '', calls: [] as { name: string; json: string }[] };
  for (const delta of deltas) {
    if (delta.type === 'text') whole.text += delta.text;
    if (delta.type === 'text') whole.scored += (delta.logprobs ?? []).map(({ text }) => text).join('');
    if (delta.type === 'reasoning') whole.reasoning += delta.text;
    if (delta.type === 'tool-call') whole.calls.push({ name: delta.name, json: '' });
    if (delta.type === 'tool-arguments') (whole.calls[delta.index] as { json: string }).json += delta.text;
  }
  return { ...whole, ends: deltas.filter(({ type }) => type === 'finish').length };
}

function cut<T>(items: readonly T[]): T[][] {
  const groups: T[][] = [];
  for (let at = 0; at < items.length; ) {
    const size = 1 + below(5);
    groups.push(items.slice(at, at + size));
    at += size;
  }
  return groups;
}

describe.each(FORMATS)('a reply of any bytes, read as %s', (format) => {
  it('is the same however its tokens come', () => {
    const vocabulary = vocabularyOf(format);
    for (let round = 0; round < 150; round++) {
      const asked = {
        format,
        vocabulary,
        thinking: round % 2 === 0,
        logprobs: round % 4 < 2,
        stop: round % 3 ? [] : ['n'],
      };
      const ids = Array.from({ length: below(40) }, () => (random() < 0.4 ? below(256) : below(vocabulary.length)));
      const events: TokenEvent[] = ids.map((token) => ({
        ...{ type: 'token', token },
        ...(asked.logprobs ? { scores: [{ token, logprob: -1 }] } : {}),
      }));
      events.push({ type: 'finish', reason: 'length' });
      const whole = read(asked, [events]);
      expect(whole.ends, JSON.stringify(ids)).toBe(1);
      const one = read(
        asked,
        events.map((event) => [event]),
      );
      expect({ ...one, scored: '' }, JSON.stringify(ids)).toEqual({ ...whole, scored: '' });
      expect({ ...read(asked, cut(events)), scored: '' }, JSON.stringify(ids)).toEqual({ ...whole, scored: '' });
      if (!asked.logprobs || asked.stop.length > 0) continue;
      const raw = new TextDecoder('utf-8', { ignoreBOM: true }).decode(
        Buffer.concat(ids.map((id) => vocabulary[id] ?? new Uint8Array())),
      );
      expect([whole.scored, one.scored], JSON.stringify(ids)).toEqual([raw, raw]);
    }
  });
});
