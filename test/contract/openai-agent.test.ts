// The official client's own agent loop against the whole stack on the scripted engine: think, call, get the result, answer.
import OpenAI from 'openai';
import { describe, expect, it } from 'vitest';
import { serve } from '../server/support/requests.js';
import { AGENT_TEMPLATE, type ScriptedReply, scriptedCatalog } from '../server/support/scripted-engine-model.js';

const WEATHER = {
  type: 'function' as const,
  function: {
    name: 'get_weather',
    description: 'Tells the weather.',
    parameters: { type: 'object', properties: { city: { type: 'string' } } },
  },
};
const CALL = ['<think>', 'I must', ' look.', '</think>\n\n', '<tool_', 'call>\n{"name": "get_', 'weather", "argu'];
const ARGUMENTS = ['ments": {"ci', 'ty": "Par', 'is"}', '}\n</tool_call>', '<|im_end|>'];
const REPLIES: ScriptedReply[] = [
  { prompt: '21 degrees', tokens: ['It is ', '21 degrees.', '<|im_end|>'] },
  { prompt: 'Weather in Paris?', tokens: [...CALL, ...ARGUMENTS] },
];
const REQUEST = {
  model: 'scripted/model',
  messages: [{ role: 'user' as const, content: 'Weather in Paris?' }],
  tools: [WEATHER],
};

async function clientFor(replies: ScriptedReply[], template = AGENT_TEMPLATE): Promise<OpenAI> {
  const { url } = await serve(await scriptedCatalog(replies, template));
  return new OpenAI({ baseURL: `${url}/v1`, apiKey: 'unused', maxRetries: 0 });
}

/** The SDK has no type for this extension, and keeps the last piece alone. */
const thoughtOf = (delta: object | undefined) => (delta as { reasoning_content?: string })?.reasoning_content ?? '';

describe('an agent', () => {
  it('calls a tool and answers with its result, streamed by its helper', async () => {
    const openai = await clientFor(REPLIES);
    const events: string[] = [];
    const stream = openai.chat.completions.stream({ ...REQUEST, stream_options: { include_usage: true } });
    stream.on('tool_calls.function.arguments.delta', ({ arguments_delta }) => events.push(arguments_delta));
    const thoughts: string[] = [];
    stream.on('chunk', ({ choices: [delta] }) => thoughts.push(thoughtOf(delta?.delta)));
    const first = await stream.finalChatCompletion();
    const [choice] = first.choices;
    expect(choice?.finish_reason).toBe('tool_calls');
    expect(choice?.message.tool_calls?.[0]).toMatchObject({
      id: expect.stringMatching(/^call_/u),
      function: { name: 'get_weather', arguments: '{"city": "Paris"}' },
    });
    expect(events.filter((text) => text !== '').length).toBeGreaterThan(2);
    expect(thoughts.join('')).toBe('I must look.');
    expect(first.usage?.completion_tokens_details?.reasoning_tokens).toBeGreaterThan(2);

    const { message } = choice ?? {};
    const answer = { role: 'tool' as const, tool_call_id: message?.tool_calls?.[0]?.id ?? '', content: '21 degrees' };
    const second = await openai.chat.completions.create({
      ...REQUEST,
      messages: [...REQUEST.messages, { role: 'assistant', tool_calls: message?.tool_calls ?? [] }, answer],
    });
    expect(second.choices[0]?.message.content).toBe('It is 21 degrees.');
    expect(second.choices[0]?.finish_reason).toBe('stop');
  });

  it('runs its tools by itself', async () => {
    const openai = await clientFor(REPLIES);
    const asked: unknown[] = [];
    const get_weather = (args: unknown) => {
      asked.push(args);
      return '21 degrees';
    };
    const tool = {
      type: 'function' as const,
      function: { ...WEATHER.function, function: get_weather, parse: JSON.parse },
    };
    const runner = openai.chat.completions.runTools({ ...REQUEST, tools: [tool], stream: true });
    expect(await runner.finalContent()).toBe('It is 21 degrees.');
    expect(asked).toEqual([{ city: 'Paris' }]);
  });

  it('gets the same whole as streamed', async () => {
    const openai = await clientFor(REPLIES);
    const whole = await openai.chat.completions.create(REQUEST);
    const streamed = await openai.chat.completions.stream(REQUEST).finalChatCompletion();
    const told = ({ choices: [choice] }: OpenAI.ChatCompletion) => [
      choice?.message.content ?? null,
      choice?.message.tool_calls?.map((call) => (call.type === 'function' ? call.function.arguments : call)),
      choice?.finish_reason,
    ];
    expect(told(streamed)).toEqual(told(whole));
  });

  it('gets two calls at once, or one when it wants one', async () => {
    const twice = [{ tokens: [...CALL.slice(4), ...ARGUMENTS.slice(0, -1), '\n', ...CALL.slice(4), ...ARGUMENTS] }];
    const openai = await clientFor(twice);
    const both = await openai.chat.completions.create(REQUEST);
    expect(both.choices[0]?.message.tool_calls).toHaveLength(2);
    expect(new Set(both.choices[0]?.message.tool_calls?.map(({ id }) => id)).size).toBe(2);
    const one = await openai.chat.completions.create({ ...REQUEST, parallel_tool_calls: false });
    expect(one.choices[0]?.message.tool_calls).toHaveLength(1);
    expect(one.choices[0]?.finish_reason).toBe('tool_calls');
  });

  it('loses no word of a call that is broken', async () => {
    const broken = ['<tool_call>\n', '{"nom": 1}\n', '</tool_call>', '<|im_end|>'];
    const openai = await clientFor([{ tokens: broken }]);
    const reply = await openai.chat.completions.create(REQUEST);
    expect(reply.choices[0]?.message.content).toBe(broken.slice(0, -1).join(''));
    expect(reply.choices[0]?.finish_reason).toBe('stop');
  });

  it('thinks as long as it may, and answers then', async () => {
    const openai = await clientFor([
      { prompt: '</think>', tokens: ['42.', '<|im_end|>'] },
      { tokens: ['<think>', 'a', ' b', ' c', ' d', ' e', ' f', ' g', '</think>', 'never', '<|im_end|>'] },
    ]);
    const body = { ...REQUEST, tools: [], thinking_budget: 4, logprobs: true };
    const { choices, usage } = await openai.chat.completions.create(body);
    expect(choices[0]?.message.content).toBe('42.');
    expect(thoughtOf(choices[0]?.message)).toMatch(/^a b/u);
    expect(thoughtOf(choices[0]?.message)).not.toContain('g');
    expect(usage?.completion_tokens_details?.reasoning_tokens).toBeLessThan(usage?.completion_tokens ?? 0);
    expect(choices[0]?.logprobs?.content?.map(({ token }) => token).join('')).toMatch(
      /^<think>a b.*<\/think>\n\n42\.$/su,
    );
    const streamed = await openai.chat.completions.stream(body).finalChatCompletion();
    expect(streamed.choices[0]?.message.content).toBe('42.');
  });

  it('is told what the model cannot do', async () => {
    const openai = await clientFor(REPLIES, '{{ messages[0].content }}');
    const effort = openai.chat.completions.create({ ...REQUEST, tools: [], reasoning_effort: 'high' });
    await expect(effort).rejects.toMatchObject({ status: 400, param: 'reasoning_effort', code: 'unsupported_value' });
    const budget = openai.chat.completions.create({ ...REQUEST, tools: [], thinking_budget: 5 } as typeof REQUEST);
    await expect(budget).rejects.toMatchObject({ status: 400, param: 'thinking_budget' });
    const body = { ...REQUEST, tools: [], chat_template_kwargs: { chat_template: 'x' } };
    const variable = openai.chat.completions.create(body);
    await expect(variable).rejects.toMatchObject({ status: 400, param: 'chat_template_kwargs' });
    const silent = await clientFor([{ prompt: 'something else', tokens: [] }]);
    await expect(silent.chat.completions.create(REQUEST)).rejects.toMatchObject({ status: 400 });
  });
});
