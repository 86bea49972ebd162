import { beforeAll, describe, expect, it } from 'vitest';
import { ChatTemplate } from '../../src/text/chat-template.js';
import { shieldControlTokens, unshield } from '../../src/text/control-tokens.js';
import { range, strftime } from '../../src/text/template-globals.js';
import { ChatTemplateError, type Tokenizer } from '../../src/text/types.js';
import { type ChatCases, loadFixture, readFixture } from './fixtures.js';

const { templates, chats, cases } = readFixture<ChatCases>('chat-templates.json');

function render(
  source: string,
  context: Record<string, unknown> = {},
  limits?: { maxSteps: number; maxLength: number },
) {
  return new ChatTemplate(source).render({ messages: [], add_generation_prompt: false, ...context }, limits);
}

// What `apply_chat_template` of transformers gives, text and ids. The ids are of a tokenizer whose control tokens have
// secret names, so that those in a message are only text.
describe.each(templates)(
  'template $name on $tokenizer',
  ({ name, tokenizer: tokenizerName, special_tokens, template }) => {
    let tokenizer: Tokenizer;
    beforeAll(async () => {
      tokenizer = await loadFixture(tokenizerName);
    });

    const own = cases.filter((entry) => entry.template === name && entry.tokenizer === tokenizerName);

    it.each(own)('$chat', async ({ chat: chatName, rendered, ids, error }) => {
      const chat = chats.find((entry) => entry.name === chatName);
      if (chat === undefined) throw new Error(`no chat ${chatName}`);
      const messages = chat.messages.map((message) => ({
        ...message,
        content: shieldControlTokens(message.content, tokenizer.controlTokens),
      }));
      const context = { messages, tools: chat.tools ?? null, add_generation_prompt: chat.prompt, ...special_tokens };
      const compiled = new ChatTemplate(template);
      if (error !== undefined) {
        expect(() => compiled.render(context)).toThrow(expect.objectContaining({ code: 'rejected', message: error }));
        return;
      }
      const prompt = compiled.render(context);
      expect(unshield(prompt)).toBe(rendered);
      expect([...(await tokenizer.encodePrompt(prompt))]).toEqual(ids);
    });
  },
);

describe('the template language', () => {
  it('has tojson as transformers has it: no HTML escapes, no ASCII escapes', () => {
    const tool = { name: '<b>é日本"\\', n: [1, 2.5, true, null], empty: {}, nul: '\u0000' };
    expect(render('{{ t | tojson }}', { t: tool })).toBe(
      '{"name": "<b>é日本\\"\\\\", "n": [1, 2.5, true, null], "empty": {}, "nul": "\\u0000"}',
    );
  });

  it('has break, continue and the generation block', () => {
    const loop = '{% for i in range(9) %}{% if i == 1 %}{% continue %}{% endif %}{% if i == 3 %}{% break %}{% endif %}';
    expect(render(`${loop}{{ i }}{% endfor %}{% generation %}x{% endgeneration %}`)).toBe('02x');
  });

  it('passes what it is given, and null for tools', () => {
    expect(render('{{ tools is none }} {{ bos_token }} {{ x is defined }}', { bos_token: '<s>' })).toBe(
      'True <s> False',
    );
  });
});

describe('a template that fails', () => {
  it('tells its own words', () => {
    const error = expect.objectContaining({ code: 'rejected', message: 'Only user and assistant roles!' });
    expect(() => render("{{ raise_exception('Only user and assistant roles!') }}")).toThrow(error);
  });

  it.each([
    ['is not Jinja', '{% for %}', /not valid Jinja/],
    ['has an unknown tag', '{% import "os" as os %}', /not valid Jinja/],
    ['has an unknown filter', '{{ "a" | nothing }}', /nothing/],
    ['calls what is no function', '{{ messages() }}', /failed/],
    ['recurses for ever', '{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}', /chat template/],
  ])('%s', (_, source, message) => {
    const error = expect.objectContaining({ code: 'failed', message: expect.stringMatching(message) });
    expect(() => render(source)).toThrow(error);
  });

  it('reaches nothing of JavaScript', () => {
    for (const name of ['constructor', '__proto__', 'prototype', 'toString']) {
      expect(render(`{{ messages.${name} is defined }} {{ ''.${name} is defined }}`)).toBe('False False');
    }
    expect(render('{{ process is defined }} {{ globalThis is defined }}')).toBe('False False');
  });
});

describe('limits', () => {
  const double = (times: number, start: string) =>
    `{% set ns = namespace(s=${start}) %}{% for i in range(${times}) %}{% set ns.s = ns.s + ns.s %}{% endfor %}`;

  it.each([
    ['nested loops', '{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}', /steps/],
    ['a long range', '{{ range(10001) | length }}', /more than 10000 numbers/],
    ['a doubled text', `${double(40, "'x'")}`, /characters/],
    ['a doubled list', `${double(40, '[1]')}`, /items|steps/],
    ['a wide indent', "{{ 'a\\nb' | indent(100000000) }}", /characters|failed/],
    ['a replacement', `${double(20, "'x'")}{{ ns.s.replace('x', ns.s) }}`, /characters|failed/],
  ])('stop %s', (_, source, message) => {
    const error = expect.objectContaining({ code: 'failed', message: expect.stringMatching(message) });
    expect(() => render(source, {}, { maxSteps: 200_000, maxLength: 100_000 })).toThrow(error);
  });

  it('do not count the input against the output', () => {
    const content = 'x'.repeat(50_000);
    expect(render('{{ messages[0].content }}', { messages: [{ content }] }, { maxSteps: 100, maxLength: 10 })).toBe(
      content,
    );
  });
});

describe('range', () => {
  it.each([
    // Expected: list(range(...)) of Python.
    [[3], [0, 1, 2]],
    [
      [2, 5],
      [2, 3, 4],
    ],
    [
      [5, 0, -2],
      [5, 3, 1],
    ],
    [
      [0, 7, 3],
      [0, 3, 6],
    ],
    [[0], []],
    [[5, 2], []],
  ])('%j', (args, expected) => {
    expect(range(args[0], args[1], args[2])).toEqual(expected);
  });

  it.each([[[1.5]], [['3']], [[0, 5, 0]], [[Number.POSITIVE_INFINITY]], [[0, 1e9]]])('refuses %j', (args) => {
    expect(() => range(...(args as [unknown, unknown, unknown]))).toThrow(ChatTemplateError);
  });
});

describe('strftime', () => {
  it('writes a date as Python does', () => {
    // Expected: datetime(2024, 3, 5, 0, 7, 9).strftime(...) of Python in the C locale, on Linux.
    const date = new Date(2024, 2, 5, 0, 7, 9);
    expect(strftime(date, '%d %b %Y, %A %a %B %e|%H:%M:%S %I %p %j %y %m %% %F %T')).toBe(
      '05 Mar 2024, Tuesday Tue March  5|00:07:09 12 AM 065 24 03 % 2024-03-05 00:07:09',
    );
    expect(strftime(date, '%-d/%-m %Q')).toBe('5/3 %Q');
  });
});
