// POST /v1/completions: what goes to the model, what comes back, whole and streamed; what is refused.
import OpenAI from 'openai';
import { describe, expect, it } from 'vitest';
import { EngineError } from '../../src/engine/types.js';
import type { Completion } from '../../src/schemas/completions.js';
import type { CompletionInput } from '../../src/services/types.js';
import { appFor, frames, saying, serve } from './support/requests.js';
import { PROMPT_TOKENS, type ScriptedCall, ScriptedModel } from './support/scripted-model.js';

const URL = '/v1/completions';
const usage = (completion: number, prompts = 1) => ({
  prompt_tokens: PROMPT_TOKENS * prompts,
  prompt_tokens_details: { cached_tokens: 0 },
  completion_tokens: completion,
  total_tokens: PROMPT_TOKENS * prompts + completion,
  completion_tokens_details: { reasoning_tokens: 0 },
});

function post(model: ScriptedModel, extra: Record<string, unknown> = {}) {
  const payload = { model: 'scripted/model', prompt: 'Once', ...extra };
  const headers = { host: 'localhost', 'content-type': 'application/json' };
  return appFor(model).inject({ method: 'POST', url: URL, headers, payload });
}

async function inputsOf(extra: Record<string, unknown>): Promise<CompletionInput[]> {
  const model = saying('ok');
  const response = await post(model, extra);
  expect(response.json().error).toBeUndefined();
  return model.calls.map((call) => call.completion);
}

describe('a completion', () => {
  it('has the shape of the contract', async () => {
    const response = await post(saying(' upon', ' a time'));
    expect(response.json()).toEqual({
      id: expect.stringMatching(/^cmpl-[0-9a-f]{32}$/),
      object: 'text_completion',
      created: expect.any(Number),
      model: 'scripted/model',
      choices: [{ text: ' upon a time', index: 0, logprobs: null, finish_reason: 'stop' }],
      usage: usage(2),
      timings: {
        ttft_ms: expect.any(Number),
        prefill_tokens_per_second: expect.any(Number),
        cached_tokens: 0,
        decode_tokens_per_second: expect.any(Number),
      },
    });
  });

  it('streams, and ends with the usage when asked', async () => {
    const response = await post(saying(' a', ' b'), {
      stream: true,
      echo: true,
      stream_options: { include_usage: true },
    });
    const sent = frames(response.body);
    expect(sent.at(-1)).toBe('[DONE]');
    const chunks = sent.slice(0, -1).map((frame) => JSON.parse(frame) as Completion);
    expect(chunks.slice(0, -1).map(({ choices: [choice] }) => [choice?.text, choice?.finish_reason])).toEqual([
      ['Once a', null],
      [' b', null],
      ['', 'stop'],
    ]);
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: usage(2) });
    expect(new Set(chunks.map(({ id }) => id)).size).toBe(1);
  });

  it('gives the choices of several prompts prompt by prompt, each prompt counted once', async () => {
    const play = (call: ScriptedCall, index: number) => call.say(` ${index}`).finish();
    const response = await post(new ScriptedModel(undefined, play), { prompt: ['a', 'b'], n: 2, echo: true });
    const { choices, usage: total } = response.json();
    expect(choices.map((choice: { text: string }) => choice.text)).toEqual(['a 0', 'a 1', 'b 2', 'b 3']);
    expect(choices.map((choice: { index: number }) => choice.index)).toEqual([0, 1, 2, 3]);
    expect(total).toEqual(usage(4, 2));
  });

  it('echoes the text of tokens', async () => {
    const { choices } = (await post(saying('!'), { prompt: [72, 105], echo: true })).json();
    expect(choices[0].text).toBe('Hi!');
  });

  it('has log-probabilities in lists, offsets in characters', async () => {
    const play = (call: ScriptedCall) =>
      call
        .sayScored('🦊', -0.5, [{ text: 'x', bytes: [120], logprob: -1 }])
        .sayScored('b', Number.NEGATIVE_INFINITY, [])
        .finish();
    const { choices } = (await post(new ScriptedModel(undefined, play), { logprobs: 1 })).json();
    expect(choices[0].logprobs).toEqual({
      tokens: ['🦊', 'b'],
      token_logprobs: [-0.5, -9999],
      top_logprobs: [{ x: -1, '🦊': -0.5 }, { b: -9999 }],
      text_offset: [0, 1],
    });
    const streamed = frames((await post(new ScriptedModel(undefined, play), { logprobs: 1, stream: true })).body);
    const offsets = streamed.slice(0, 2).map((frame) => JSON.parse(frame).choices[0].logprobs.text_offset);
    expect(offsets).toEqual([[0], [1]]);
  });

  it('scores the prompt that it echoes, whole and streamed; lists are of one length and offsets run on', async () => {
    const play = (call: ScriptedCall) => call.sayScored('!', -0.5, []).reuse(7).finish();
    const asked = { prompt: 'Hi', echo: true, logprobs: 1 };
    const whole = (await post(new ScriptedModel(undefined, play), asked)).json();
    const logprobs = {
      tokens: ['H', 'i', '!'],
      token_logprobs: [null, -1, -0.5],
      top_logprobs: [null, { i: -1 }, { '!': -0.5 }],
      text_offset: [0, 1, 2],
    };
    expect(whole.choices[0]).toEqual({ text: 'Hi!', index: 0, logprobs, finish_reason: 'stop' });
    expect(whole.usage.prompt_tokens_details.cached_tokens).toBe(0);
    const streamed = frames((await post(new ScriptedModel(undefined, play), { ...asked, stream: true })).body);
    expect(JSON.parse(streamed[0] ?? '').choices[0]).toMatchObject({ text: 'Hi!', logprobs });
  });

  it('scores and generates nothing for max_tokens 0', async () => {
    const play = (call: ScriptedCall) => call.finish('length');
    const asked = { prompt: ['Hi', 'So'], echo: true, logprobs: 0, max_tokens: 0 };
    const { choices } = (await post(new ScriptedModel(undefined, play), asked)).json<Completion>();
    expect(choices.map(({ text, finish_reason }) => [text, finish_reason])).toEqual([
      ['Hi', 'length'],
      ['So', 'length'],
    ]);
    expect(choices[1]?.logprobs?.token_logprobs).toEqual([null, -1]);
  });

  it('names a part of a character by its bytes, and keeps the more probable of equal texts', async () => {
    const best = [
      { text: '\uFFFD', bytes: [0xf0, 0x9f], logprob: -1 },
      { text: 'a', bytes: [97], logprob: -2 },
      { text: 'a', bytes: [97], logprob: -3 },
    ];
    const play = (call: ScriptedCall) => call.sayScored('b', -0.5, best).finish();
    const { choices } = (await post(new ScriptedModel(undefined, play), { logprobs: 3 })).json();
    expect(choices[0].logprobs.top_logprobs).toEqual([{ 'bytes:\\xf0\\x9f': -1, a: -2, b: -0.5 }]);
  });

  it('gives the best of several by their mean log-probability, and counts all', async () => {
    const play = (call: ScriptedCall, index: number) =>
      call.sayScored(`${index}`, [-3, -1, -2][index] ?? 0, []).finish();
    const { choices, usage: total } = (await post(new ScriptedModel(undefined, play), { best_of: 3, n: 2 })).json();
    expect(choices.map((choice: { text: string }) => choice.text)).toEqual(['1', '2']);
    expect(choices[0].logprobs).toBeNull();
    expect(total).toEqual(usage(3));
  });
});

describe('the completion input', () => {
  it('takes every form of prompt', async () => {
    const promptsOf = async (prompt: unknown) => (await inputsOf({ prompt })).map((input) => input.prompt);
    expect(await promptsOf('a')).toEqual(['a']);
    expect(await promptsOf(['a', 'b'])).toEqual(['a', 'b']);
    expect(await promptsOf([1, 2])).toEqual([[1, 2]]);
    expect(await promptsOf([[1, 2], [3]])).toEqual([[1, 2], [3]]);
  });

  it('has 16 tokens unless told otherwise, and a seed for each choice', async () => {
    expect((await inputsOf({}))[0]).toMatchObject({ maxTokens: 16, stop: [], ignoreEos: false });
    const [, second] = await inputsOf({ n: 2, seed: 5, max_tokens: 0, stop: 'x', ignore_eos: true, logprobs: 3 });
    expect(second).toMatchObject({ maxTokens: 0, stop: ['x'], ignoreEos: true, sampling: { seed: 6, logprobs: 3 } });
  });
});

describe('a completion that is refused', () => {
  it.each([
    [{ prompt: undefined }, 'prompt', 'missing_required_parameter'],
    [{ prompt: [] }, 'prompt', 'empty_array'],
    [{ prompt: 5 }, 'prompt', 'invalid_type'],
    [{ prompt: [1, 'a'] }, 'prompt[1]', 'invalid_type'],
    [{ prompt: [-1] }, 'prompt[0]', 'integer_below_min_value'],
    [{ prompt: [[1], []] }, 'prompt[1]', 'empty_array'],
    [{ prompt: Array(65).fill('a'), n: 2 }, 'prompt', 'array_above_max_length'],
    [{ logprobs: 6 }, 'logprobs', 'integer_above_max_value'],
    [{ best_of: 1, n: 2 }, 'best_of', 'integer_below_min_value'],
    [{ best_of: 2, stream: true }, 'best_of', 'invalid_value'],
    [{ suffix: 'end' }, 'suffix', 'unsupported_value'],
    [{ stream_options: {} }, 'stream_options', null],
    [{ max_tokens: -1 }, 'max_tokens', 'integer_below_min_value'],
    [{ max_tokens: 2 ** 40 }, 'max_tokens', 'integer_above_max_value'],
    [{ n: 1e9 }, 'n', 'integer_above_max_value'],
    [{ best_of: 1e9 }, 'best_of', 'integer_above_max_value'],
    [{ logit_bias: { 512: 1 } }, 'logit_bias', 'invalid_value'],
    [{ logit_bias: { x: 1 } }, 'logit_bias', 'invalid_value'],
  ])('%j', async (extra, param, code) => {
    const model = saying('ok');
    const response = await post(model, extra);
    expect(response.statusCode).toBe(400);
    expect(model.calls).toEqual([]); // It has cost nothing.
    expect(response.json().error).toMatchObject({ param, code, type: 'invalid_request_error' });
  });
});

it.each(['context_length_exceeded', 'invalid_request'] as const)(
  'a prompt that the engine refuses is named: %s',
  async (code) => {
    const error = new EngineError(code, 'the prompt has 500');
    const response = await post(new ScriptedModel(undefined, (call) => call.fail(error)));
    expect(response.statusCode).toBe(400);
    expect(response.json().error).toMatchObject({ param: 'prompt', code });
  },
);

describe('the openai client', () => {
  it('completes, whole and streamed', async () => {
    const { url } = await serve(saying(' upon', ' a time'));
    const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'unused', maxRetries: 0 });
    const request = { model: 'scripted/model', prompt: 'Once' };
    expect((await openai.completions.create(request)).choices[0]?.text).toBe(' upon a time');
    let text = '';
    for await (const chunk of await openai.completions.create({ ...request, stream: true }))
      text += chunk.choices[0]?.text;
    expect(text).toBe(' upon a time');
  });
});
