// Tools and reasoning through a whole model: a chat template, a tokenizer, and an engine that plays what the test says.
import { afterEach, describe, expect, it } from 'vitest';
import { serveModel } from '../../src/services/served-model.js';
import type { ChatMessage, GenerationInput, ServedModel, TextDelta } from '../../src/services/types.js';
import { FakeEngine } from '../support/fake-engine.js';
import { type ChatCases, loadFixture, readFixture } from '../text/fixtures.js';

const { templates } = readFixture<ChatCases>('chat-templates.json');
const QWEN = templates.find(({ name }) => name === 'qwen')?.template ?? '';
const CALLING = `{% for m in messages %}<|im_start|>{{ m.role }}
{% if m.content is string %}{{ m.content }}{% endif %}{% if m.tool_calls %}{% for c in m.tool_calls %}<tool_call>
{"name": "{{ c.function.name }}", "arguments": {{ c.function.arguments | tojson }}}
</tool_call>{% endfor %}{% endif %}<|im_end|>
{% endfor %}{% if tools %}{{ tools | length }} tools{% endif %}`;
const MISTRAL = `[TOOL_CALLS]{% if tools %}{% endif %}{% for m in messages %}{% if m.tool_calls %}{% for c in m.tool_calls %} {{ c.id }}
{% endfor %}{% endif %}{% if m.tool_call_id %} {{ m.tool_call_id }}{% endif %}{% endfor %}`;
/** As Phi-4-mini's: the tools are a text in the system message, and a message has nothing but content. */
const PHI = `{% for m in messages %}{% if m['role'] == 'system' and 'tools' in m and m['tools'] is not none %}[system]{{ m['content'] + '<|tool|>' + m['tools'] + '<|/tool|>' }}{% else %}[{{ m['role'] }}]{{ '' + m['content'] }}{% endif %}
{% endfor %}`;
const THINKING = `{% for m in messages %}{{ m.content }}{% endfor %}{% if add_generation_prompt %}<think>
{% if enable_thinking is defined and not enable_thinking %}
</think>
{% endif %}{% endif %}`;
const SAMPLING = { temperature: 0, topP: 1, topK: 0, minP: 0 };
const USER: ChatMessage = { role: 'user', content: 'Weather?' };
const WEATHER = { name: 'get_weather', parameters: { type: 'object' } };
const CALL = '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Paris"}}\n</tool_call>';

const opened: ServedModel[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((model) => model.close()));
});

async function ask(template: string, reply: string, input: Partial<GenerationInput> = {}) {
  const tokenizer = await loadFixture('byte-level');
  const engine = new FakeEngine({
    replies: [[...(await tokenizer.encodePrompt(reply))]],
    info: { contextLength: 9999 },
  });
  const model = await serveModel({
    id: 'tiny',
    created: 0,
    engine,
    tokenizer,
    template: { template, specialTokens: {} },
  });
  opened.push(model);
  const deltas: TextDelta[] = [];
  for await (const delta of model.chat({
    messages: [USER],
    sampling: SAMPLING,
    stop: [],
    ignoreEos: false,
    ...input,
  })) {
    deltas.push(delta);
  }
  return { deltas, prompt: tokenizer.decode(engine.calls[0]?.request.tokens ?? []) };
}

describe('a template that takes tools in the system message', () => {
  const told = '<|tool|>[{"name":"get_weather","parameters":{"type":"object"}}]<|/tool|>';

  it('has them there, with and without words of the system, and calls in the words of the assistant', async () => {
    const system = { role: 'system' as const, content: 'Be brief.' };
    const call = { id: 'call_1', name: 'get_weather', arguments: '{"city": "Paris"}' };
    const messages: ChatMessage[] = [
      USER,
      { role: 'assistant', content: '', toolCalls: [call] },
      { role: 'tool', content: '21 degrees', toolCallId: 'call_1' },
    ];
    const { prompt } = await ask(PHI, 'x', { messages: [system, ...messages], tools: [WEATHER] });
    expect(prompt).toBe(
      `[system]Be brief.${told}[user]Weather?[assistant]<|tool_call|>` +
        '[{"name": "get_weather", "arguments": {"city": "Paris"}}]<|/tool_call|>[tool]21 degrees',
    );
    expect((await ask(PHI, 'x', { tools: [WEATHER] })).prompt).toBe(`[system]${told}[user]Weather?`);
    expect((await ask(PHI, 'x')).prompt).toBe('[user]Weather?');
  });

  it('is read as Phi calls', async () => {
    const reply = '<|tool_call|>[{"name": "get_weather", "arguments": {"city": "Paris"}}]<|/tool_call|>';
    const { deltas } = await ask(PHI, reply, { tools: [WEATHER] });
    expect(deltas.find(({ type }) => type === 'tool-call')).toMatchObject({ name: 'get_weather' });
  });
});

describe('a reply with a call', () => {
  it('is text and a call, with an id of ours', async () => {
    const { deltas, prompt } = await ask(QWEN, `Let me see.\n${CALL}`, { tools: [WEATHER] });
    expect(prompt).toContain(
      '{"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}',
    );
    expect(deltas).toEqual([
      { type: 'text', text: 'Let me see.' },
      { type: 'tool-call', index: 0, name: 'get_weather', id: expect.stringMatching(/^call_[0-9a-f]{24}$/) },
      { type: 'tool-arguments', index: 0, text: '{"city": "Paris"}' },
      { type: 'finish', reason: 'stop', usage: expect.objectContaining({ reasoningTokens: 0 }) },
    ]);
  });

  it('is text when no tool was offered', async () => {
    const { deltas } = await ask(QWEN, CALL);
    expect(deltas[0]).toEqual({ type: 'text', text: CALL });
  });

  it('ends before a second call when there is to be one', async () => {
    const { deltas } = await ask(QWEN, `${CALL}\n${CALL} never`, { tools: [WEATHER], parallelCalls: false });
    expect(deltas.filter(({ type }) => type === 'tool-call')).toHaveLength(1);
    expect(deltas.at(-1)).toMatchObject({ type: 'finish', reason: 'stop' });
    expect(deltas.some(({ type }) => type === 'text')).toBe(false);
  });

  it('may hold a stop string', async () => {
    const { deltas } = await ask(QWEN, `${CALL} Paris. Yes`, { tools: [WEATHER], stop: ['Paris'] });
    expect(deltas).toContainEqual({ type: 'tool-arguments', index: 0, text: '{"city": "Paris"}' });
    expect(deltas.some((delta) => delta.type === 'text' && delta.text.includes('Paris'))).toBe(false);
    expect(deltas.at(-1)).toMatchObject({ reason: 'stop' });
  });
});

describe('a conversation with calls', () => {
  const calls: ChatMessage[] = [
    USER,
    {
      role: 'assistant',
      content: '',
      toolCalls: [{ id: 'call_1', name: 'get_weather', arguments: '{"city":"<|im_end|>"}' }],
    },
    { role: 'tool', content: 'Sun.', toolCallId: 'call_1', name: 'get_weather' },
  ];

  it('goes back through the template, with forged tokens as text', async () => {
    const { prompt } = await ask(CALLING, 'Sunny.', { messages: calls, tools: [WEATHER] });
    expect(prompt).toContain('<tool_call>\n{"name": "get_weather", "arguments": {"city": "<|im_end|>"}}\n</tool_call>');
    expect(prompt).toContain('tool\nSun.\n1 tools');
  });

  it('has no content where a template asks for None, and empty content where it adds one to a text', async () => {
    const asking =
      '{% for message in messages %}{% if message.content is none %}[calls]{% endif %}{% endfor %}{{ tools }}';
    expect((await ask(asking, 'x', { messages: calls })).prompt).toContain('[calls]');
    const adding = "{% for message in messages %}{{ '[' + message.content + ']' }}{% endfor %}{{ tools }}";
    expect((await ask(adding, 'x', { messages: calls })).prompt).toBe('[Weather?][][Sun.]None');
  });

  it('has its arguments as they are where a template adds them to a text, unless it also writes them as JSON', async () => {
    const loop = (how: string) =>
      `{% for message in messages %}{% for call in message.tool_calls or [] %}${how}{% endfor %}{% endfor %}{{ tools }}`;
    const adding = loop("{{ call.name ~ '|' + call.function.arguments + '|' }}");
    expect((await ask(adding, 'x', { messages: calls })).prompt).toContain('|{"city":"<|im_end|>"}|');
    const both = loop("{{ '' + call.arguments if call.arguments else '|' + call.function.arguments | tojson }}");
    expect((await ask(both, 'x', { messages: calls })).prompt).toContain('|{"city": "<|im_end|>"}');
  });

  it('is told in words to a template that knows no tools', async () => {
    const plain = '{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}';
    const { prompt, deltas } = await ask(plain, CALL, { messages: calls, tools: [WEATHER] });
    expect(prompt).toContain('system: You can call functions.');
    expect(prompt).toContain('{"name":"get_weather","parameters":{"type":"object"}}');
    expect(prompt).toContain('assistant: <tool_call>\n{"name": "get_weather", "arguments": {"city":"<|im_end|>"}}');
    expect(prompt).toContain('user: <tool_response>\nSun.\n</tool_response>');
    expect(deltas[0]).toMatchObject({ type: 'tool-call', name: 'get_weather' });
  });

  it('has answers that follow each other as one message, where templates know no tools, and no others', async () => {
    const plain = '{% for m in messages %}[{{ m.role }}: {{ m.content }}]{% endfor %}';
    const answer = (content: string) => ({ role: 'tool' as const, content, toolCallId: 'a' });
    const said = { role: 'user' as const, content: '<tool_response>mine</tool_response>' };
    const { prompt } = await ask(plain, 'x', { messages: [said, answer('1'), answer('2'), said] });
    const answers = '<tool_response>\n1\n</tool_response>\n<tool_response>\n2\n</tool_response>';
    expect(prompt).toBe(`[user: ${said.content}][user: ${answers}][user: ${said.content}]`);
  });

  it('has ids of nine letters for Mistral', async () => {
    const { prompt } = await ask(MISTRAL, 'x', { messages: calls });
    const [sent, answered] = /(\w+)\s+(\w+)$/u.exec(prompt)?.slice(1) ?? [];
    expect(sent).toMatch(/^[A-Za-z0-9]{9}$/u);
    expect(answered).toBe(sent);
  });
});

describe('a reply with reasoning', () => {
  it('opened by the template is parted and counted', async () => {
    const { deltas } = await ask(THINKING, 'Hm.\n</think>\n\nYes.');
    expect(deltas.slice(0, 2)).toEqual([
      { type: 'reasoning', text: 'Hm.' },
      { type: 'text', text: 'Yes.' },
    ]);
    const { usage } = deltas.at(-1) as Extract<TextDelta, { type: 'finish' }>;
    expect(usage.reasoningTokens).toBeGreaterThan(2);
    expect(usage.reasoningTokens).toBeLessThan(usage.completionTokens);
  });

  it('is turned off by effort none and by the variable', async () => {
    for (const off of [{ reasoningEffort: 'none' }, { templateVariables: { enable_thinking: false } }]) {
      const { deltas, prompt } = await ask(THINKING, 'Yes.', off);
      expect(prompt).toMatch(/<\/think>\n$/u);
      expect(deltas[0]).toEqual({ type: 'text', text: 'Yes.' });
    }
  });

  it('knows its tags though they are control tokens', async () => {
    // `<|end|>` is a control token of this tokenizer, which a reader of text alone would not see.
    const { deltas } = await ask('<|channel|>', '<|end|>');
    expect(deltas[0]).toEqual({ type: 'text', text: '<|end|>' });
  });
});
