// What transformers renders where Python's ways show: scripts/fixtures/make_template_fixtures.py.
import { describe, expect, it } from 'vitest';
import { ChatTemplate } from '../../src/text/chat-template.js';
import { shieldControlTokens, unshield } from '../../src/text/control-tokens.js';
import { readFixture } from './fixtures.js';

interface Fixture {
  values: Record<string, unknown>;
  cases: {
    template: string;
    context: { messages: object[]; tools: object[] | null };
    prompt: boolean;
    rendered?: string;
    error?: string;
  }[];
}
const { values, cases } = readFixture<Fixture>('template-language.json');

describe('the template language is that of transformers', () => {
  it.each(cases)('$template', ({ template, context, prompt, rendered, error }) => {
    const compiled = new ChatTemplate(template);
    const render = () => compiled.render({ ...values, ...context, add_generation_prompt: prompt });
    if (rendered !== undefined) expect(render()).toBe(rendered);
    else expect(render).toThrow(expect.objectContaining({ code: 'rejected', message: error }));
  });
});

it('a shielded text that is quoted can be unshielded', () => {
  const content = shieldControlTokens("it's <end> here", ['<end>']);
  const rendered = new ChatTemplate('{{ [messages[0].content] }}').render({
    messages: [{ content }],
    add_generation_prompt: false,
  });
  expect(rendered).not.toContain('<end>');
  expect(unshield(rendered)).toBe(`["it's <end> here"]`);
});
