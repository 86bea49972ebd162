import { describe, expect, it } from 'vitest';
import { templateVariables } from '../../src/services/template-variables.js';
import { findReplyFormat } from '../../src/text/reply-format.js';

const SWITCH = '<think></think>{% if enable_thinking %}{% endif %}';
const HARMONY = '<|channel|>{{ reasoning_effort }}';
const read = (template: string, input: Parameters<typeof templateVariables>[2]) =>
  templateVariables(template, findReplyFormat(template), input);

describe('the variables of a request', () => {
  it('reach the template that knows them', () => {
    expect(read('{{ style }}', { templateVariables: { style: 'brief' } })).toEqual({ style: 'brief' });
    expect(read('{{ x }}', { templateVariables: { enable_thinking: false } })).toEqual({});
    expect(read('{{ x }}', {})).toEqual({});
  });

  it.each(['messages', 'tools', 'chat_template', 'add_generation_prompt', 'bos_token', 'documents'])(
    'cannot set %s',
    (name) => {
      expect(() => read(`{{ ${name} }}`, { templateVariables: { [name]: 'x' } })).toThrow(/cannot be set/u);
    },
  );

  it('are refused when the template has none of that name', () => {
    expect(() => read('{{ styles }}', { templateVariables: { style: 1 } })).toThrow(/no variable 'style'/u);
    expect(() => read('{{ x }}', { templateVariables: { enable_thinking: true } })).toThrow(/no variable/u);
    expect(() => read('a.b (', { templateVariables: { 'a.b (': 1 } })).toThrow(/no variable/u);
  });
});

describe('the effort of thinking', () => {
  it('turns thinking on and off where there is a switch', () => {
    expect(read(SWITCH, { reasoningEffort: 'none' })).toEqual({ enable_thinking: false });
    expect(read(SWITCH, { reasoningEffort: 'high' })).toEqual({ enable_thinking: true });
    const both = { reasoningEffort: 'high', templateVariables: { enable_thinking: false } };
    expect(read(SWITCH, both)).toEqual({ enable_thinking: false });
  });

  it('goes to a template that takes it, in its own words', () => {
    expect(read(HARMONY, { reasoningEffort: 'low' })).toEqual({ reasoning_effort: 'low' });
    expect(() => read(HARMONY, { reasoningEffort: 'none' })).toThrow(/'low', 'medium' or 'high', not 'none'/u);
  });

  it('is refused where nothing could honour it', () => {
    expect(read('{{ x }}', { reasoningEffort: 'none' })).toEqual({});
    expect(() => read('{{ x }}', { reasoningEffort: 'high' })).toThrow(/no way to set how much/u);
    expect(() => read('<think></think>', { reasoningEffort: 'none' })).toThrow(/no way to turn its thinking off/u);
  });
});
