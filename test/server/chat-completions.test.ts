// POST /v1/chat/completions: what goes to the model, what comes back, whole and streamed.
import { describe, expect, it } from 'vitest';
import { EngineError } from '../../src/engine/types.js';
import type { ChatCompletionChunk } from '../../src/schemas/chat-replies.js';
import { appFor, chatBody, frames, post, saying } from './support/requests.js';
import { PROMPT_TOKENS, ScriptedModel } from './support/scripted-model.js';

function chunks(stream: string): ChatCompletionChunk[] {
  return frames(stream)
    .slice(0, -1)
    .map((frame) => JSON.parse(frame) as ChatCompletionChunk);
}

function wireUsage(completionTokens: number, { cached = 0, reasoning = 0 } = {}) {
  return {
    prompt_tokens: PROMPT_TOKENS,
    prompt_tokens_details: { cached_tokens: cached },
    completion_tokens: completionTokens,
    total_tokens: PROMPT_TOKENS + completionTokens,
    completion_tokens_details: { reasoning_tokens: reasoning },
  };
}

describe('a whole reply', () => {
  it('has the shape of the contract and the exact usage', async () => {
    const response = await post(appFor(saying('Hel', 'lo')), chatBody());
    expect(response.statusCode).toBe(200);
    expect(response.json()).toEqual({
      id: expect.stringMatching(/^chatcmpl-[0-9a-f]{32}$/),
      object: 'chat.completion',
      created: expect.any(Number),
      model: 'scripted/model',
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: 'Hello', refusal: null },
          logprobs: null,
          finish_reason: 'stop',
        },
      ],
      usage: wireUsage(2),
      timings: {
        ttft_ms: expect.any(Number),
        prefill_tokens_per_second: expect.any(Number),
        cached_tokens: 0,
        decode_tokens_per_second: expect.any(Number),
      },
    });
  });

  it('passes on finish_reason length', async () => {
    const model = new ScriptedModel(undefined, (call) => call.say('a').finish('length'));
    const response = await post(appFor(model), chatBody({ max_tokens: 1 }));
    expect(response.json().choices[0].finish_reason).toBe('length');
  });

  it('generates n choices at once and counts their shared prompt once', async () => {
    const model = new ScriptedModel();
    const pending = post(appFor(model), chatBody({ n: 3, seed: 5 }));
    const calls = [await model.nextCall(), await model.nextCall(), await model.nextCall()];
    for (const [index, call] of [...calls.entries()].reverse()) {
      call
        .reuse(4 + index)
        .say(`choice ${index}`, '!')
        .finish();
    }
    const { choices, usage } = (await pending).json();
    expect(choices.map((choice: { message: { content: string } }) => choice.message.content)).toEqual([
      'choice 0!',
      'choice 1!',
      'choice 2!',
    ]);
    expect(usage).toEqual(wireUsage(6, { cached: 4 }));
    expect(calls.map((call) => call.input.sampling.seed)).toEqual([5, 6, 7]);
  });

  it('cancels the other choices when one fails', async () => {
    const model = new ScriptedModel();
    const pending = post(appFor(model), chatBody({ n: 2 }));
    const [first, second] = [await model.nextCall(), await model.nextCall()];
    first.fail(new EngineError('generation_failed', 'broken'));
    await second.cancelled;
    expect((await pending).statusCode).toBe(500);
  });

  it('answers 503 when the engine cancels by itself', async () => {
    const model = new ScriptedModel(undefined, (call) => call.finish('cancelled'));
    const response = await post(appFor(model), chatBody());
    expect(response.statusCode).toBe(503);
    expect(response.headers['retry-after']).toBe('2');
  });
});

describe('log-probabilities', () => {
  const BEST = { text: 'b', bytes: [98], logprob: -0.25 };
  const IMPOSSIBLE = { text: 'c', bytes: [99], logprob: Number.NEGATIVE_INFINITY };
  const scored = () =>
    new ScriptedModel(undefined, (call) => {
      call.sayScored('a', -1.5, [BEST, IMPOSSIBLE]).sayScored('é', -2, [BEST]).finish();
    });
  const content = [
    {
      token: 'a',
      logprob: -1.5,
      bytes: [97],
      top_logprobs: [
        { token: 'b', logprob: -0.25, bytes: [98] },
        { token: 'c', logprob: -9999, bytes: [99] },
      ],
    },
    { token: 'é', logprob: -2, bytes: [195, 169], top_logprobs: [{ token: 'b', logprob: -0.25, bytes: [98] }] },
  ];

  it('come with a whole reply, token by token', async () => {
    const model = scored();
    const response = await post(appFor(model), chatBody({ logprobs: true, top_logprobs: 2 }));
    expect(response.json().choices[0].logprobs).toEqual({ content, refusal: null });
    expect(model.calls[0]?.input.sampling.logprobs).toBe(2);
  });

  it('come with the chunks of their text', async () => {
    const response = await post(appFor(scored()), chatBody({ logprobs: true, top_logprobs: 2, stream: true }));
    const choices = chunks(response.body).flatMap((chunk) => chunk.choices);
    expect(choices.map(({ logprobs }) => logprobs)).toEqual([
      null,
      { content: content.slice(0, 1), refusal: null },
      { content: content.slice(1), refusal: null },
      null,
    ]);
  });

  it('of the token alone when no others are asked for, and of no token at all', async () => {
    const model = new ScriptedModel(undefined, (call) => call.finish());
    const response = await post(appFor(model), chatBody({ logprobs: true }));
    expect(model.calls[0]?.input.sampling.logprobs).toBe(0);
    expect(response.json().choices[0].logprobs).toEqual({ content: [], refusal: null });
  });

  it('are refused where top_logprobs comes alone or asks for too many', async () => {
    for (const bad of [{ top_logprobs: 2 }, { logprobs: true, top_logprobs: 21 }]) {
      const response = await post(appFor(saying('ok')), chatBody(bad));
      expect(response.statusCode).toBe(400);
      expect(response.json().error.param).toBe('top_logprobs');
    }
  });
});

describe('the generation input', () => {
  async function inputOf(body: Record<string, unknown>) {
    const model = saying('ok');
    const response = await post(appFor(model), body);
    expect(response.json().error).toBeUndefined();
    return model.calls[0]?.input;
  }

  it('has the defaults of the API', async () => {
    expect(await inputOf(chatBody())).toEqual({
      messages: [{ role: 'user', content: 'Hello' }],
      sampling: { temperature: 1, topP: 1, topK: 0, minP: 0 },
      stop: [],
      ignoreEos: false,
    });
  });

  it('takes every parameter', async () => {
    const sampling = { temperature: 0, top_p: 0.5, top_k: 40, min_p: 0.1, seed: 9 };
    const body = chatBody({ ...sampling, max_tokens: 3, stop: ['a', 'b'], ignore_eos: true, cache_salt: 'mine' });
    expect(await inputOf(body)).toMatchObject({
      sampling: { temperature: 0, topP: 0.5, topK: 40, minP: 0.1, seed: 9 },
      maxTokens: 3,
      stop: ['a', 'b'],
      ignoreEos: true,
      cacheSalt: 'mine',
    });
  });

  it('takes penalties, biases and the extensions', async () => {
    const body = chatBody({
      presence_penalty: 0.5,
      frequency_penalty: -1,
      logit_bias: { 7: -100, 511: 2.5 },
      typical_p: 0.9,
      xtc_probability: 0.5,
      xtc_threshold: 0.2,
      repetition_penalty: 1.1,
      repetition_context_size: 64,
    });
    expect((await inputOf(body))?.sampling).toEqual({
      temperature: 1,
      topP: 1,
      topK: 0,
      minP: 0,
      presencePenalty: 0.5,
      frequencyPenalty: -1,
      logitBias: new Map([
        [7, -100],
        [511, 2.5],
      ]),
      typicalP: 0.9,
      xtcProbability: 0.5,
      xtcThreshold: 0.2,
      repetitionPenalty: 1.1,
      repetitionWindow: 64,
    });
  });

  it('prefers max_completion_tokens, takes one stop string, top_k -1 and a negative seed', async () => {
    const input = await inputOf(chatBody({ max_tokens: 3, max_completion_tokens: 4, stop: 'x', top_k: -1, seed: -1 }));
    expect(input).toMatchObject({ maxTokens: 4, stop: ['x'], sampling: { topK: 0, seed: -1 } });
  });

  it('takes seeds of 64 bits, the same as the same ones, and makes each of its choices another', async () => {
    const seedsOf = async (seed: number) => {
      const model = saying('ok');
      await post(appFor(model), chatBody({ seed, n: 2 }));
      return model.calls.map((call) => call.input.sampling.seed as number);
    };
    const [first, second] = await seedsOf(2 ** 62 + 2 ** 20);
    expect(await seedsOf(2 ** 62 + 2 ** 20)).toEqual([first, second]);
    expect(second).toBe((first as number) + 1);
    expect(await seedsOf(2 ** 62)).not.toEqual([first, second]);
    for (const seed of await seedsOf(-(2 ** 63))) expect(seed).toSatisfy(Number.isSafeInteger);
  });

  it('takes null for every optional parameter, and neutral values for what it does not support', async () => {
    const names = `stream stream_options n max_tokens max_completion_tokens temperature top_p seed stop top_k min_p
      ignore_eos frequency_penalty presence_penalty logit_bias logprobs top_logprobs tools tool_choice functions
      parallel_tool_calls function_call response_format reasoning_effort modalities audio web_search_options
      metadata store user service_tier`;
    const nulls = Object.fromEntries(names.split(/\s+/).map((name) => [name, null]));
    const neutral = {
      logit_bias: {},
      logprobs: false,
      top_logprobs: 0,
      tools: [],
      tool_choice: 'auto',
      parallel_tool_calls: true,
      functions: [],
      function_call: 'none',
      response_format: { type: 'text' },
      chat_template_kwargs: {},
      modalities: ['text'],
      stop: [],
    };
    const defaults = await inputOf(chatBody());
    expect(await inputOf(chatBody(nulls))).toEqual(defaults);
    expect(await inputOf(chatBody(neutral))).toEqual(defaults);
  });

  it('ignores what OpenAI clients send and a local server has no use for, and unknown fields', async () => {
    const ignored = { metadata: { a: 'b' }, store: true, user: 'u', service_tier: 'auto', prompt_cache_key: 'k' };
    const unknown = { client_metadata: {}, verbosity: 'low', prediction: {} };
    expect(await inputOf(chatBody({ ...ignored, ...unknown }))).toEqual(await inputOf(chatBody()));
  });

  it('maps every role and joins text parts', async () => {
    const parts = [
      { type: 'text', text: 'one' },
      { type: 'text', text: 'two' },
    ];
    const input = await inputOf(
      chatBody({
        messages: [
          { role: 'developer', content: 'D' },
          { role: 'system', content: parts },
          { role: 'user', content: 'U', name: 'ann' },
          { role: 'assistant', content: 'A', tool_calls: [] },
          { role: 'assistant', content: null, refusal: 'No.' },
          { role: 'assistant', content: [{ type: 'refusal', refusal: 'Never.' }] },
          { role: 'function', name: 'f', content: 'F' },
          { role: 'user', content: '' },
        ],
      }),
    );
    expect(input?.messages).toEqual([
      { role: 'system', content: 'D' },
      { role: 'system', content: 'one\ntwo' },
      { role: 'user', content: 'U', name: 'ann' },
      { role: 'assistant', content: 'A' },
      { role: 'assistant', content: 'No.' },
      { role: 'assistant', content: 'Never.' },
      { role: 'tool', name: 'f', content: 'F' },
      { role: 'user', content: '' },
    ]);
  });

  it('carries NUL and lone surrogates as they are', async () => {
    const text = 'a\u0000b\ud800c';
    expect((await inputOf(chatBody({ messages: [{ role: 'user', content: text }] })))?.messages[0]?.content).toBe(text);
  });
});

describe('a streamed reply', () => {
  it('is role, text, finish, [DONE], under one id', async () => {
    const response = await post(appFor(saying('Hel', 'lo')), chatBody({ stream: true }));
    expect(response.statusCode).toBe(200);
    expect(response.headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache',
      'x-request-id': expect.stringMatching(/^req_/),
    });
    expect(frames(response.body).at(-1)).toBe('[DONE]');
    const [role, ...rest] = chunks(response.body);
    expect(role).toEqual({
      id: expect.stringMatching(/^chatcmpl-/),
      object: 'chat.completion.chunk',
      created: expect.any(Number),
      model: 'scripted/model',
      choices: [{ index: 0, delta: { role: 'assistant', content: '' }, logprobs: null, finish_reason: null }],
    });
    const deltas = rest.map(({ choices: [choice] }) => [choice?.delta, choice?.finish_reason]);
    expect(deltas).toEqual([
      [{ content: 'Hel' }, null],
      [{ content: 'lo' }, null],
      [{}, 'stop'],
    ]);
    for (const chunk of rest) expect([chunk.id, chunk.created]).toEqual([role?.id, role?.created]);
  });

  it('ends with the usage when asked, and has none otherwise', async () => {
    const body = chatBody({ stream: true, n: 2, stream_options: { include_usage: true } });
    const model = new ScriptedModel(undefined, (call) => call.reuse(3).say('a', 'b').finish());
    const all = chunks((await post(appFor(model), body)).body);
    expect(all.at(-1)).toMatchObject({
      choices: [],
      usage: wireUsage(4, { cached: 3 }),
    });
    expect(all.at(-1)?.timings?.ttft_ms).toBeGreaterThan(0);
    expect(all.slice(0, -1).every((chunk) => chunk.usage === undefined)).toBe(true);
    const without = await post(appFor(saying('a')), chatBody({ stream: true, stream_options: null }));
    expect(without.body).not.toContain('usage');
  });

  it('has a role and a finish even for an empty reply', async () => {
    const all = chunks((await post(appFor(saying()), chatBody({ stream: true }))).body);
    expect(all.map(({ choices: [choice] }) => choice?.finish_reason)).toEqual([null, 'stop']);
  });

  it('interleaves n choices as they come', async () => {
    const model = new ScriptedModel();
    const pending = post(appFor(model), chatBody({ stream: true, n: 2 }));
    const [first, second] = [await model.nextCall(), await model.nextCall()];
    second.say('B1');
    await new Promise(setImmediate);
    first.say('A1');
    await new Promise(setImmediate);
    second.say('B2').finish('length');
    await new Promise(setImmediate);
    first.say('A2').finish();
    const told = chunks((await pending).body).map(({ choices: [choice] }) => [
      choice?.index,
      choice?.finish_reason ?? choice?.delta.content,
    ]);
    expect(told).toEqual([
      [1, ''],
      [1, 'B1'],
      [0, ''],
      [0, 'A1'],
      [1, 'B2'],
      [1, 'length'],
      [0, 'A2'],
      [0, 'stop'],
    ]);
  });

  it('fails as plain HTTP before the first delta', async () => {
    const message = "This model's maximum context length is 128 tokens. However, the prompt has 500.";
    const detail = 'the prompt has 500';
    const model = new ScriptedModel(undefined, (call) => call.fail(new EngineError('context_length_exceeded', detail)));
    const response = await post(appFor(model), chatBody({ stream: true }));
    expect(response.statusCode).toBe(400);
    expect(response.headers['content-type']).toContain('application/json');
    const type = 'invalid_request_error';
    expect(response.json()).toEqual({ error: { message, type, param: 'messages', code: 'context_length_exceeded' } });
  });

  it('fails as an error frame after it, without [DONE] and without details', async () => {
    const model = new ScriptedModel(undefined, (call) => call.say('a').fail(new Error('secret at /home/ann/0x7f12')));
    const response = await post(appFor(model), chatBody({ stream: true }));
    const last = JSON.parse(frames(response.body).at(-1) ?? '');
    expect(last.error).toEqual({ message: expect.any(String), type: 'server_error', param: null, code: null });
    expect(response.body).not.toContain('secret');
    expect(response.body).not.toContain('[DONE]');
  });
});
