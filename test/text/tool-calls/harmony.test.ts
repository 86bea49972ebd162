// gpt-oss's replies as OpenAI's own library writes and reads them (scripts/fixtures/make_harmony_fixtures.py).
import { describe, expect, it } from 'vitest';
import { makeReplyParser } from '../../../src/text/reply-format.js';
import { readFixture } from '../fixtures.js';
import { TOOLS } from './corpus.js';
import { everySplit, parse } from './support.js';

interface Message {
  channel: string;
  recipient: string | null;
  text: string;
}
const cases = readFixture<{ reply: string; messages: Message[] }[]>('harmony.json');

const joined = (messages: readonly Message[]) => messages.map(({ text }) => text.trim()).join('');

describe('a reply of gpt-oss', () => {
  it.each(cases)('$reply', ({ reply, messages }) => {
    const calls = messages.filter(({ recipient }) => recipient !== null);
    const said = messages.filter(({ recipient }) => recipient === null);
    for (const pieces of everySplit(reply)) {
      const parser = makeReplyParser({ toolCalls: 'harmony', thinkTags: undefined }, { tools: TOOLS, thinking: false });
      const { text, reasoning, calls: read } = parse(parser, pieces);
      expect(reasoning).toBe(joined(said.filter(({ channel }) => channel === 'analysis')));
      expect(text).toBe(joined(said.filter(({ channel }) => channel !== 'analysis')));
      expect(read.map((call) => [`functions.${call.name}`, call.arguments])).toEqual(
        calls.map((call) => [call.recipient, call.text]),
      );
    }
  });
});
