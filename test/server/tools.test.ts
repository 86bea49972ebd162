// Tools and reasoning on POST /v1/chat/completions: what goes to the model, what comes back, whole and streamed.
import { describe, expect, it } from 'vitest';
import type { ChatCompletionChunk } from '../../src/schemas/chat-replies.js';
import type { GenerationInput, TextDelta } from '../../src/services/types.js';
import { appFor, chatBody, frames, post, saying } from './support/requests.js';
import { ScriptedModel } from './support/scripted-model.js';

const PARAMETERS = { type: 'object', properties: { city: { type: 'string' } } };
const WEATHER = { name: 'get_weather', description: 'Tells the weather.', parameters: PARAMETERS };
const TOOLS = [{ type: 'function', function: WEATHER }];

const CALLS: TextDelta[] = [
  { type: 'reasoning', text: 'Two ' },
  { type: 'reasoning', text: 'towns.' },
  { type: 'tool-call', index: 0, id: 'call_a', name: 'get_weather' },
  { type: 'tool-arguments', index: 0, text: '{"city":' },
  { type: 'tool-arguments', index: 0, text: ' "Paris"}' },
  { type: 'tool-call', index: 1, id: 'call_b', name: 'get_weather' },
  { type: 'tool-arguments', index: 1, text: '{}' },
];
const calling = (...deltas: TextDelta[]) =>
  new ScriptedModel(undefined, (call) => call.give(...deltas).finish('stop', { reasoningTokens: 2 }));

async function inputOf(extra: Record<string, unknown>): Promise<GenerationInput | undefined> {
  const model = saying('ok');
  const response = await post(appFor(model), chatBody(extra));
  expect(response.json().error).toBeUndefined();
  return model.calls[0]?.input;
}

function chunks(stream: string): ChatCompletionChunk[] {
  return frames(stream)
    .slice(0, -1)
    .map((frame) => JSON.parse(frame) as ChatCompletionChunk);
}

describe('a reply that calls', () => {
  it('has its calls and its reasoning, no content, and finish_reason tool_calls', async () => {
    const { choices, usage } = (await post(appFor(calling(...CALLS)), chatBody({ tools: TOOLS }))).json();
    expect(choices[0]).toEqual({
      index: 0,
      message: {
        role: 'assistant',
        content: null,
        refusal: null,
        reasoning_content: 'Two towns.',
        reasoning: 'Two towns.',
        tool_calls: [
          { id: 'call_a', type: 'function', function: { name: 'get_weather', arguments: '{"city": "Paris"}' } },
          { id: 'call_b', type: 'function', function: { name: 'get_weather', arguments: '{}' } },
        ],
      },
      logprobs: null,
      finish_reason: 'tool_calls',
    });
    expect(usage.completion_tokens_details).toEqual({ reasoning_tokens: 2 });
  });

  it('streams each as it comes: id and name once, arguments in pieces', async () => {
    const response = await post(appFor(calling(...CALLS)), chatBody({ tools: TOOLS, stream: true }));
    const told = chunks(response.body).map(({ choices: [choice] }) => choice?.finish_reason ?? choice?.delta);
    const begun = (index: number, id: string) => ({
      tool_calls: [{ index, id, type: 'function', function: { name: 'get_weather', arguments: '' } }],
    });
    const more = (index: number, text: string) => ({ tool_calls: [{ index, function: { arguments: text } }] });
    expect(told).toEqual([
      { role: 'assistant', content: '' },
      { reasoning_content: 'Two ', reasoning: 'Two ' },
      { reasoning_content: 'towns.', reasoning: 'towns.' },
      begun(0, 'call_a'),
      more(0, '{"city":'),
      more(0, ' "Paris"}'),
      begun(1, 'call_b'),
      more(1, '{}'),
      'tool_calls',
    ]);
  });

  it('is cut off with length, whatever it called', async () => {
    const model = new ScriptedModel(undefined, (call) => call.give(...CALLS.slice(0, 4)).finish('length'));
    const { choices } = (await post(appFor(model), chatBody({ tools: TOOLS }))).json();
    expect(choices[0].finish_reason).toBe('length');
    expect(choices[0].message.tool_calls[0].function.arguments).toBe('{"city":');
  });

  it('answers in the old form to functions', async () => {
    const body = chatBody({ functions: [WEATHER] });
    const deltas = CALLS.slice(2, 5);
    const { choices } = (await post(appFor(calling(...deltas)), body)).json();
    expect(choices[0].message).toMatchObject({
      content: null,
      function_call: { name: 'get_weather', arguments: '{"city": "Paris"}' },
    });
    expect(choices[0].message).not.toHaveProperty('tool_calls');
    expect(choices[0].finish_reason).toBe('function_call');
    const streamed = chunks((await post(appFor(calling(...deltas)), { ...body, stream: true })).body);
    expect(streamed.slice(1).map(({ choices: [choice] }) => choice?.finish_reason ?? choice?.delta)).toEqual([
      { function_call: { name: 'get_weather', arguments: '' } },
      { function_call: { arguments: '{"city":' } },
      { function_call: { arguments: ' "Paris"}' } },
      'function_call',
    ]);
  });
});

describe('the generation input', () => {
  it('has the tools, unless none may be called', async () => {
    expect((await inputOf({ tools: TOOLS }))?.tools).toEqual([WEATHER]);
    expect((await inputOf({ tools: TOOLS, tool_choice: 'auto' }))?.tools).toEqual([WEATHER]);
    expect(await inputOf({ tools: TOOLS, tool_choice: 'none' })).not.toHaveProperty('tools');
    expect(await inputOf({ functions: [WEATHER] })).toMatchObject({ tools: [WEATHER], parallelCalls: false });
    expect(await inputOf({ functions: [WEATHER], function_call: 'none' })).not.toHaveProperty('tools');
    expect(await inputOf({ tools: TOOLS, parallel_tool_calls: false })).toMatchObject({ parallelCalls: false });
    const named = { tool_choice: { type: 'function', function: { name: 'get_weather' } } };
    expect(await inputOf({ tools: TOOLS, ...named })).toMatchObject({ parallelCalls: false });
    expect(await inputOf({ tools: TOOLS, tool_choice: 'required' })).not.toHaveProperty('parallelCalls');
    expect(await inputOf({ tools: TOOLS, parallel_tool_calls: true })).not.toHaveProperty('parallelCalls');
    expect((await inputOf({ tools: [{ type: 'function', function: { name: 'now', strict: false } }] }))?.tools).toEqual(
      [{ name: 'now' }],
    );
  });

  it('has the calls and the answers of a conversation, new form and old', async () => {
    const call = { name: 'get_weather', arguments: '{"city": "Paris"}' };
    const input = await inputOf({
      messages: [
        { role: 'user', content: 'Weather?' },
        {
          role: 'assistant',
          content: null,
          reasoning: 'Hm.',
          tool_calls: [{ id: 'a', type: 'function', function: call }],
        },
        { role: 'tool', tool_call_id: 'a', content: [{ type: 'text', text: 'Sun.' }] },
        { role: 'assistant', reasoning_content: 'Ah.', content: null, function_call: call },
        { role: 'function', name: 'get_weather', content: 'Rain.' },
      ],
    });
    expect(input?.messages).toEqual([
      { role: 'user', content: 'Weather?' },
      { role: 'assistant', content: '', reasoning: 'Hm.', toolCalls: [{ id: 'a', ...call }] },
      { role: 'tool', content: 'Sun.', toolCallId: 'a', name: 'get_weather' },
      { role: 'assistant', content: '', reasoning: 'Ah.', toolCalls: [{ id: 'call_3', ...call }] },
      { role: 'tool', content: 'Rain.', toolCallId: 'call_3', name: 'get_weather' },
    ]);
  });

  it('has what is said of thinking', async () => {
    expect(await inputOf({ reasoning_effort: 'low' })).toMatchObject({ reasoningEffort: 'low' });
    expect(await inputOf({ enable_thinking: false })).toMatchObject({ templateVariables: { enable_thinking: false } });
    expect(await inputOf({ thinking_budget: 9 })).toMatchObject({ thinkingBudget: 9 });
    expect(await inputOf({ max_thinking_tokens: 9, thinking_budget: null })).toMatchObject({ thinkingBudget: 9 });
    const router = { reasoning: { effort: 'low', max_tokens: 0, enabled: true, exclude: false } };
    expect(await inputOf(router)).toMatchObject({
      reasoningEffort: 'low',
      thinkingBudget: 0,
      templateVariables: { enable_thinking: true },
    });
    const both = { enable_thinking: true, chat_template_kwargs: { enable_thinking: false, style: 'x' } };
    expect((await inputOf(both))?.templateVariables).toEqual({ enable_thinking: false, style: 'x' });
  });
});
