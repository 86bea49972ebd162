// Every format's golden replies at every cut, and what holds of any text whatever.
import { describe, expect, it } from 'vitest';
import { makeReplyParser } from '../../../src/text/reply-format.js';
import {
  findToolCallFormat,
  TOOL_CALL_FORMATS,
  type ToolCallFormatName,
} from '../../../src/text/tool-calls/formats.js';
import { seededRandom } from '../fixtures.js';
import { CORPUS, TOOLS } from './corpus.js';
import { type Assembled, everySplit, parse } from './support.js';

const parserOf = (toolCalls: ToolCallFormatName) =>
  makeReplyParser({ toolCalls, thinkTags: undefined }, { tools: TOOLS, thinking: false });

function parsedArguments({ calls }: Assembled): unknown[] {
  return calls.map(({ arguments: text, ...call }) => {
    try {
      return { ...call, arguments: JSON.parse(text) };
    } catch {
      return { ...call, arguments: text };
    }
  });
}

describe('the golden corpus', () => {
  it.each(CORPUS.map((golden) => [golden.format, golden.title, golden] as const))('%s: %s', (format, _, golden) => {
    for (const pieces of everySplit(golden.raw)) {
      const whole = parse(parserOf(format), pieces);
      expect({ text: whole.text, calls: parsedArguments(whole) }, JSON.stringify(pieces)).toEqual({
        text: golden.text ?? '',
        calls: golden.calls ?? [],
      });
    }
  });

  it('has replies of every format that reads calls alone', () => {
    const names = Object.keys(TOOL_CALL_FORMATS).filter((name) => name !== 'harmony');
    expect(new Set(CORPUS.map(({ format }) => format))).toEqual(new Set(names));
  });

  it('streams arguments before they are whole', () => {
    const streamed = CORPUS.filter(({ calls }) => calls?.[0] && JSON.stringify(calls[0].arguments).length > 10);
    for (const { format, title, raw } of streamed) {
      const parser = parserOf(format);
      const deltas = [...raw]
        .flatMap((piece) => parser?.push(piece) ?? [])
        .filter(({ type }) => type === 'tool-arguments');
      expect(deltas.length, `${format}: ${title}`).toBeGreaterThan(3);
    }
  });

  it('passes plain text on at once', () => {
    for (const name of Object.keys(TOOL_CALL_FORMATS) as ToolCallFormatName[]) {
      if (name === 'harmony') continue;
      const parser = parserOf(name);
      const given = ['Hello', ' there, ', 'x = {', '"a": 1}'].map((piece) => parser?.push(piece));
      expect(given[0], name).toEqual([{ type: 'text', text: 'Hello' }]);
      expect(given[1], name).toEqual([{ type: 'text', text: ' there,' }]);
    }
  });
});

describe('any text', () => {
  const PIECES = [...new Set(CORPUS.flatMap(({ raw }) => raw.match(/<[^>]*>|\[[A-Z_]+\]|\w+|\s+|./gsu) ?? []))];

  it.each(Object.keys(TOOL_CALL_FORMATS) as ToolCallFormatName[])('%s: never crashes, and no cut matters', (name) => {
    const random = seededRandom(7);
    const pick = <T>(list: readonly T[]) => list[Math.floor(random() * list.length)] as T;
    const own = CORPUS.filter(({ format }) => format === name).flatMap(
      ({ raw }) => raw.match(/<[^>]*>|\[[A-Z_]+\]|\w+|\s+|./gsu) ?? [],
    );
    for (let round = 0; round < 400; round++) {
      const tokens = Array.from({ length: 1 + Math.floor(random() * 30) }, () =>
        random() < 0.7 && own.length > 0
          ? pick(own)
          : random() < 0.8
            ? pick(PIECES)
            : String.fromCharCode(random() * 256),
      );
      const text = tokens.join('');
      const whole = parse(parserOf(name), [text]);
      expect(parse(parserOf(name), [...text]), text).toEqual(whole);
      expect(parse(parserOf(name), tokens), text).toEqual(whole);
    }
  });

  it.each(CORPUS.map((golden) => [golden.format, golden.title, golden] as const))(
    'keeps every word of %s, %s, wherever it ends',
    (format, _, { raw }) => {
      for (let end = 1; end < raw.length; end++) {
        const { text, calls } = parse(parserOf(format), [raw.slice(0, end)]);
        const cut = calls.at(-1);
        // Nothing is closed that the model did not close: only the last call may be incomplete.
        for (const call of calls.slice(0, -1)) expect(() => JSON.parse(call.arguments)).not.toThrow();
        if (calls.length === 0) expect(text.trim()).toBe(raw.slice(0, end).trim());
        else expect(cut?.name).not.toBe('');
      }
    },
  );
});

describe('the format of a chat template', () => {
  it.each([
    ['{{ "<tool_call>" }} {"name": <function-name>}', 'hermes'],
    ['<tool_call>\n<function=example_function_name>', 'qwen-coder'],
    ['<tool_call>{{ tc.name }}<arg_key>{{ k }}</arg_key>', 'glm'],
    ['{{- "<|python_tag|>" }} {"name": function name, "parameters": …}', 'llama'],
    ['[TOOL_CALLS]', 'mistral'],
    ['<|tool_call|>', 'phi'],
    ['<|tool_call>call:', 'gemma'],
    ['<start_function_call>call:', 'function-gemma'],
    ["'<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>'", 'deepseek'],
    ['<|tool_calls_section_begin|>', 'kimi'],
    ['<minimax:tool_call>', 'minimax'],
    ['<|start|>assistant<|channel|>analysis', 'harmony'],
    ['<|tool_call_start|>', 'lfm'],
    ['{% for tool in tools %}', 'generic'],
    ['{{ messages }}', 'generic'],
  ] as const)('%s: %s', (template, name) => {
    expect(findToolCallFormat(template)).toBe(name);
  });
});
