// Reasoning in tags, in tags that the template opened, and in harmony's channels: every cut, alone and before calls.
import { describe, expect, it } from 'vitest';
import { endsInThought, findThinkTags } from '../../../src/text/reasoning.js';
import { findReplyFormat, makeReplyParser, replyMarkers } from '../../../src/text/reply-format.js';
import type { ToolSignature } from '../../../src/text/reply-parts.js';
import { seededRandom } from '../fixtures.js';
import { TOOLS } from './corpus.js';
import { everySplit, parse } from './support.js';

interface Reply {
  title: string;
  template: string;
  raw: string;
  opened?: true;
  tools?: ToolSignature[];
  text?: string;
  reasoning?: string;
  calls?: object[];
}

const THINK = '<think></think>';
const HARMONY = '<|start|><|channel|><|message|>';
const CALL = { name: 'get_weather', arguments: '{"city": "Paris"}' };
const HERMES_CALL = '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Paris"}}\n</tool_call>';
const HARMONY_CALL =
  '<|start|>assistant<|channel|>commentary to=functions.get_weather <|constrain|>json<|message|>{"city": "Paris"}<|call|>';
const KIMI_CALL =
  '<|tool_calls_section_begin|><|tool_call_begin|>functions.get_weather:0<|tool_call_argument_begin|>{"city": "Paris"}' +
  '<|tool_call_end|><|tool_calls_section_end|>';

const REPLIES: Reply[] = [
  {
    title: 'tags',
    template: THINK,
    raw: '<think>\nHm, 1 < 2.\n\n</think>\n\nYes.',
    reasoning: 'Hm, 1 < 2.',
    text: 'Yes.',
  },
  {
    title: 'opened by the template',
    template: THINK,
    opened: true,
    raw: '\nHm.\n</think>\n\nYes.',
    reasoning: 'Hm.',
    text: 'Yes.',
  },
  {
    title: 'opened twice',
    template: THINK,
    opened: true,
    raw: '<think>\nHm.</think>Yes.',
    reasoning: 'Hm.',
    text: 'Yes.',
  },
  { title: 'never closed', template: THINK, raw: '<think>Hm. </thin', reasoning: 'Hm. </thin' },
  { title: 'opened and never closed', template: THINK, opened: true, raw: 'Hm.\n', reasoning: 'Hm.' },
  { title: 'no reasoning', template: THINK, raw: ' Yes, <think> is a tag. ', text: ' Yes, <think> is a tag. ' },
  { title: 'two thoughts', template: THINK, raw: '<think>a</think>\n<think>b</think>c', reasoning: 'ab', text: 'c' },
  { title: 'an empty thought', template: THINK, raw: '<think>\n\n</think>\n\nYes.', text: 'Yes.' },
  { title: 'Magistral', template: '[THINK]', raw: '[THINK]Hm.[/THINK]Yes.', reasoning: 'Hm.', text: 'Yes.' },
  {
    title: 'Gemma 4',
    template: '<|channel>thought\n<channel|>',
    raw: '<|channel>thought\nHm.\n<channel|>Yes.',
    reasoning: 'Hm.',
    text: 'Yes.',
  },
  {
    title: 'a thought, text and a call',
    template: `${THINK}<tool_call>`,
    tools: TOOLS,
    raw: `<think>\nI call <tool_call>.\n</think>\n\nWait.\n${HERMES_CALL}`,
    reasoning: 'I call <tool_call>.',
    text: 'Wait.',
    calls: [CALL],
  },
  {
    title: 'a call in control tokens ends an unclosed thought',
    template: `${THINK}<|tool_calls_section_begin|>`,
    opened: true,
    tools: TOOLS,
    raw: `Hm. ${KIMI_CALL}`,
    reasoning: 'Hm.',
    calls: [{ ...CALL, id: 'functions.get_weather:0' }],
  },
  {
    title: 'harmony',
    template: HARMONY,
    raw: '<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>Yes.',
    reasoning: 'Hm.',
    text: 'Yes.',
  },
  {
    title: 'harmony, preamble and call',
    template: HARMONY,
    tools: TOOLS,
    raw: `<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>commentary<|message|>Wait.<|end|>${HARMONY_CALL}`,
    reasoning: 'Hm.',
    text: 'Wait.',
    calls: [CALL],
  },
  {
    title: 'harmony, recipient in the role',
    template: HARMONY,
    tools: TOOLS,
    raw: ' to=functions.get_weather<|channel|>commentary json<|message|>{"city": "Paris"}',
    calls: [CALL],
  },
  {
    title: 'harmony, a call that was not offered',
    template: HARMONY,
    raw: HARMONY_CALL,
    text: '{"city": "Paris"}',
  },
  { title: 'harmony, no message at all', template: HARMONY, raw: 'Yes.', text: 'Yes.' },
];

describe('a reply with reasoning', () => {
  it.each(REPLIES.map((reply) => [reply.title, reply] as const))('%s', (_, reply) => {
    const { template, raw, opened = false, tools = [], text = '', reasoning = '', calls = [] } = reply;
    const format = findReplyFormat(template);
    for (const pieces of everySplit(raw)) {
      const whole = parse(makeReplyParser(format, { tools, thinking: opened }), pieces);
      expect(whole, JSON.stringify(pieces)).toEqual({ text, reasoning, calls });
    }
  });

  it('tells where it is thinking, for the count of tokens', () => {
    const parser = makeReplyParser(findReplyFormat(THINK), { tools: [], thinking: false });
    const thinking = ['<think>', 'Hm', '</think>', 'Yes'].map((token) => {
      const before = parser?.thinking;
      parser?.push(token);
      return before || parser?.thinking;
    });
    expect(thinking).toEqual([true, true, true, false]);
  });

  it('has no parser where there is nothing to part', () => {
    const format = findReplyFormat('{{ messages }}<tool_call>');
    expect(makeReplyParser(format, { tools: [], thinking: false })).toBeUndefined();
  });
});

describe('any text with reasoning', () => {
  const TEMPLATES = [
    THINK,
    '[THINK]',
    '<|channel>thought\n<channel|>',
    `${THINK}<tool_call>`,
    `${THINK}<|tool_calls_section_begin|>`,
    HARMONY,
  ];
  const MARKERS = REPLIES.flatMap(({ raw }) => raw.match(/<[^>]*>|\[[A-Z_/]+\]|\w+|\s+|./gsu) ?? []);

  it.each(TEMPLATES)('%s: never crashes, no cut matters, and thinking ends with the reply', (template) => {
    const random = seededRandom(11);
    const pick = () => MARKERS[Math.floor(random() * MARKERS.length)] ?? '';
    const format = findReplyFormat(template);
    for (let round = 0; round < 600; round++) {
      const context = { tools: round % 2 ? TOOLS : [], thinking: round % 3 === 0 };
      const tokens = Array.from({ length: 1 + Math.floor(random() * 24) }, () =>
        random() < 0.9 ? pick() : String.fromCharCode(random() * 65_536),
      );
      const text = tokens.join('');
      const whole = parse(makeReplyParser(format, context), [text]);
      expect(parse(makeReplyParser(format, context), [...text]), text).toEqual(whole);
      expect(parse(makeReplyParser(format, context), tokens), text).toEqual(whole);
    }
  });
});

describe('the tags of a template', () => {
  it('are those that it mentions', () => {
    expect(findThinkTags("{{ content.split('</think>')[-1] }}")).toEqual({ open: '<think>', close: '</think>' });
    expect(findThinkTags('{{ messages }}')).toBeUndefined();
    expect(findReplyFormat(`${HARMONY}<think>`).thinkTags).toBeUndefined();
  });

  it('are open at the end of a prompt, or not', () => {
    const tags = { open: '<think>', close: '</think>' };
    expect(endsInThought('<|im_start|>assistant\n<think>\n', tags)).toBe(true);
    expect(endsInThought('<think>a</think>b<|im_start|>assistant\n<think>\n\n</think>\n\n', tags)).toBe(false);
    expect(endsInThought('what is <think> for?<|im_end|>', tags)).toBe(false);
    expect(endsInThought('', tags)).toBe(false);
  });

  it('and of its calls are markers that must be read as text', () => {
    expect(replyMarkers(findReplyFormat('[THINK][TOOL_CALLS]'), false)).toEqual(['[THINK]', '[/THINK]']);
    expect(replyMarkers(findReplyFormat('[THINK][TOOL_CALLS]'), true)).toContain('[TOOL_CALLS]');
    expect(replyMarkers(findReplyFormat(HARMONY), false)).toContain('<|message|>');
  });
});
