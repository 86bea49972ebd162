// The official openai client against a real server process with the default model.
import type OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Health } from '../../src/schemas/health.js';
import { clientOf, type OpenAiServer, startOpenAiServer, startServerProcess } from './openai-client-server.js';

let server: OpenAiServer;
let openai: OpenAI;
let model: string;

beforeAll(async () => {
  server = await startOpenAiServer();
  ({ openai, model } = server);
});

afterAll(() => server?.stop());

interface Extra {
  temperature?: number;
  seed?: number;
  max_tokens?: number;
  stop?: string[];
  ignore_eos?: true;
}

function ask(content: string, extra: Extra = {}) {
  return { model, messages: [{ role: 'user' as const, content }], ...extra };
}

const QUESTION = 'What is the capital of France? Answer in one sentence.';

async function health(): Promise<Health> {
  return (await (await fetch(`${server.url}/health`)).json()) as Health;
}

describe('the default model', () => {
  it('knows the capital of France, whole and streamed alike', async () => {
    const whole = await openai.chat.completions.create(ask(QUESTION, { temperature: 0 }));
    const text = whole.choices[0]?.message.content;
    expect(text).toContain('Paris');
    expect(whole.choices[0]?.finish_reason).toBe('stop');

    const request = { ...ask(QUESTION, { temperature: 0 }), stream_options: { include_usage: true } };
    const streamed = await openai.chat.completions.stream(request).finalChatCompletion();
    expect(streamed.choices[0]?.message.content).toBe(text);
    // The same but for what the second found in the prefix cache: all of the prompt but its last token.
    const prompt = whole.usage?.prompt_tokens ?? 0;
    expect(streamed.usage).toEqual({ ...whole.usage, prompt_tokens_details: { cached_tokens: prompt - 1 } });
  });

  it('says the same text for the same seed, and others for others', async () => {
    const once = async (seed: number) => {
      const reply = await openai.chat.completions.create(
        ask('Tell me about a strange dream.', { temperature: 1.5, seed, max_tokens: 24 }),
      );
      return reply.choices[0]?.message.content;
    };
    const [first, again, other] = [await once(1), await once(1), await once(2)];
    expect(again).toBe(first);
    expect(other).not.toBe(first);
  });

  it('gives n choices, each as its own seed would give it alone', async () => {
    const request = ask('Name an animal.', { temperature: 1, max_tokens: 8 });
    const pair = await openai.chat.completions.create({ ...request, n: 2, seed: 10 });
    const alone = await openai.chat.completions.create({ ...request, seed: 11 });
    expect(pair.choices.map(({ index }) => index)).toEqual([0, 1]);
    expect(pair.choices[1]?.message.content).toBe(alone.choices[0]?.message.content);
    expect(pair.usage?.prompt_tokens).toBe(alone.usage?.prompt_tokens);
  });

  it('ends before a stop string and counts every token', async () => {
    const reply = await openai.chat.completions.create(ask(QUESTION, { temperature: 0, stop: [' Paris'] }));
    expect(reply.choices[0]?.message.content).toBe('The capital of France is');
    expect(reply.choices[0]?.finish_reason).toBe('stop');
    expect(reply.usage?.completion_tokens).toBeGreaterThan(4);
  });

  it('tells how sure it was, whole and streamed alike, and its tokens join to the text', async () => {
    const request = { ...ask(QUESTION, { temperature: 0 }), logprobs: true, top_logprobs: 3 };
    const whole = (await openai.chat.completions.create(request)).choices[0];
    const content = whole?.logprobs?.content ?? [];
    expect(content.map(({ token }) => token).join('')).toBe(whole?.message.content);
    for (const { token, logprob, top_logprobs } of content) {
      expect(top_logprobs).toHaveLength(3);
      expect(top_logprobs[0]).toMatchObject({ token, logprob });
      expect(Math.exp(logprob)).toBeGreaterThan(0.2);
    }
    const streamed = await openai.chat.completions.stream(request).finalChatCompletion();
    expect(streamed.choices[0]?.logprobs?.content).toEqual(content);
  });

  it('obeys biases and penalties, and refuses a bias of no token', async () => {
    const request = { ...ask('Count.', { temperature: 0, max_tokens: 40, ignore_eos: true }), logprobs: true };
    const different = async (extra: object) => {
      const { choices } = await openai.chat.completions.create({ ...request, ...extra });
      return new Set(choices[0]?.logprobs?.content?.map(({ token }) => token)).size;
    };
    const plain = await different({});
    expect(await different({ logit_bias: { 28: 100 } })).toBe(1);
    expect(await different({ presence_penalty: 2, frequency_penalty: 2 })).toBeGreaterThan(plain);
    expect(await different({ repetition_penalty: 1.5 })).toBeGreaterThan(plain);
    const unknown = openai.chat.completions.create({ ...request, logit_bias: { 999999: 1 } });
    await expect(unknown).rejects.toMatchObject({ status: 400, param: 'logit_bias' });
  });

  it('stops at max_tokens with length, past the end of turn with ignore_eos', async () => {
    const short = await openai.chat.completions.create(ask(QUESTION, { temperature: 0, max_tokens: 3 }));
    expect([short.choices[0]?.finish_reason, short.usage?.completion_tokens]).toEqual(['length', 3]);
    const long = await openai.chat.completions.create(
      ask(QUESTION, { temperature: 0, max_tokens: 20, ignore_eos: true }),
    );
    expect([long.choices[0]?.finish_reason, long.usage?.completion_tokens]).toEqual(['length', 20]);
  });

  it('refuses a prompt past its context before any byte of a stream', async () => {
    const long = openai.chat.completions.create({ ...ask('word '.repeat(20_000)), stream: true });
    await expect(long).rejects.toMatchObject({ status: 400, code: 'context_length_exceeded', param: 'messages' });
  });

  it('survives NUL and lone surrogates in a prompt', async () => {
    const reply = await openai.chat.completions.create(ask('a\u0000b\ud800c', { max_tokens: 1 }));
    expect(reply.usage?.completion_tokens).toBe(1);
  });
});

describe('the server process', () => {
  it('cancels when the client leaves', async () => {
    const leave = new AbortController();
    const endless = { ...ask('Count.', { max_tokens: 1500, ignore_eos: true }), stream: true as const };
    const before = (await health()).models[0];
    for await (const chunk of await openai.chat.completions.create(endless, { signal: leave.signal })) {
      if (chunk.choices[0]?.delta.content) break;
    }
    leave.abort();
    let after = (await health()).models[0];
    while (after && after.running + after.waiting > 0) after = (await health()).models[0];
    expect((after?.generated_tokens ?? 0) - (before?.generated_tokens ?? 0)).toBeLessThan(200);
  });

  it('drains on SIGTERM: the stream under way is whole, the exit is clean', async () => {
    const draining = await startServerProcess();
    const client = clientOf(draining);
    const request = { ...ask('Count.', { max_tokens: 48, ignore_eos: true, temperature: 0 }), stream: true as const };
    let reason: string | null | undefined;
    let signalled = false;
    for await (const chunk of await client.chat.completions.create(request)) {
      if (!signalled) signalled = draining.child.kill('SIGTERM');
      reason = chunk.choices[0]?.finish_reason;
    }
    expect(reason).toBe('length');
    expect((await draining.finished).code).toBe(0);
  });
});
