// Replies of the default model over HTTP that join, leave, are cancelled and find each other's prefixes: each is what it is
// alone, to the bits of its log-probabilities.
import type OpenAI from 'openai';
import { describe, expect, it } from 'vitest';
import { probeRuntime } from '../../src/engine/runtime.js';
import { clientOf, startServerProcess } from './openai-client-server.js';

type Asked = Omit<OpenAI.ChatCompletionCreateParamsStreaming, 'model' | 'stream'> & Record<string, unknown>;

const runtime = probeRuntime();
const TOGETHER = 5;
const RULES = `You answer in a few words. ${'Anna met Ben and Carla in Rome. '.repeat(30)}`;
const person = {
  type: 'object',
  properties: { name: { type: 'string', maxLength: 12 }, age: { type: 'integer', minimum: 0, maximum: 120 } },
  required: ['name', 'age'],
  additionalProperties: false,
};
const json_schema = { name: 'person', strict: true, schema: person };

const ask = (content: string, extra: Record<string, unknown> = {}): Asked => ({
  messages: [{ role: 'user', content }],
  temperature: 0,
  max_tokens: 20,
  logprobs: true,
  ...extra,
});
const system = (content: string, extra: Record<string, unknown> = {}): Asked => ({
  ...ask(content, extra),
  messages: [
    { role: 'system', content: RULES },
    { role: 'user', content },
  ],
});

const FREE: readonly Asked[] = [
  ask('What is the capital of France?'),
  ask('Count to twenty.', { ignore_eos: true, max_tokens: 40, top_logprobs: 2 }),
  ask(`Say it shorter: ${'The quick brown fox jumps over the lazy dog. '.repeat(40)}`),
  system('Who met whom?'),
  system('Where was that?', { temperature: 1, seed: 11 }),
  ask('Name an animal.', { temperature: 1.2, top_p: 0.9, seed: 12 }),
  ask('Name three colours.', { presence_penalty: 1, frequency_penalty: 0.5, repetition_penalty: 1.2 }),
  ask('Why is the sky blue?', { temperature: 0.8, seed: 13, repetition_penalty: 1.1 }),
];
const HELD: readonly Asked[] = [
  ask('Name a person and an age.', { response_format: { type: 'json_schema', json_schema }, max_tokens: 40 }),
  system('How many were they?', { guided_regex: '[0-9]{1,3} people', temperature: 1, seed: 14 }),
];
const REQUESTS = runtime.loads && runtime.grammars ? [...FREE, ...HELD] : FREE;

interface Reply {
  text: string;
  tokens: OpenAI.ChatCompletionTokenLogprob[];
}

/** The reply, or as much of it as came before its client left with `most` tokens. */
async function reply(openai: OpenAI, asked: Asked, most = Number.POSITIVE_INFINITY): Promise<Reply> {
  const got: Reply = { text: '', tokens: [] };
  const model = 'SmolLM2-135M-Instruct-4bit';
  const stream = await openai.chat.completions.create({ ...asked, model, stream: true });
  for await (const { choices } of stream) {
    got.text += choices[0]?.delta.content ?? '';
    got.tokens.push(...(choices[0]?.logprobs?.content ?? []));
    if (got.tokens.length >= most) break;
  }
  return got;
}

async function aloneWith(flags: readonly string[]): Promise<Reply[]> {
  const server = await startServerProcess('--prefix-cache', '0', ...flags);
  const replies: Reply[] = [];
  for (const asked of REQUESTS) replies.push(await reply(clientOf(server), asked));
  await server.stop();
  return replies;
}

describe('whatever else runs', () => {
  it.each([[[]], [['--kv-bits', '8']]])(
    'a reply is what it is alone, with flags %j',
    async (flags) => {
      const alone = await aloneWith(flags);
      for (const { tokens } of alone) expect(tokens.length).toBeGreaterThan(0);
      const server = await startServerProcess('--max-sequences', String(TOGETHER - 1), ...flags);
      const openai = clientOf(server);
      const visits = [0, 1, 2].flatMap((round) =>
        REQUESTS.map((_, i) => ({ index: (3 * i + round) % REQUESTS.length, leaves: (i + round) % 3 === 2 })),
      );
      const client = async () => {
        for (let visit = visits.pop(); visit; visit = visits.pop()) {
          const { index, leaves } = visit;
          const expected = alone[index] as Reply;
          const got = await reply(openai, REQUESTS[index] as Asked, leaves ? 1 + (index % 5) : undefined);
          if (!leaves) expect(got).toEqual(expected);
          expect(got.tokens).toEqual(expected.tokens.slice(0, got.tokens.length));
        }
      };
      await Promise.all(Array.from({ length: TOGETHER }, client));
      const [health] = ((await (await fetch(`${server.url}/health`)).json()) as { models: Health[] }).models;
      expect(health?.failures).toBe(0);
      expect(health?.prefix_cache.hits).toBeGreaterThan(REQUESTS.length);
      await server.stop();
    },
    180_000,
  );
});

interface Health {
  failures: number;
  prefix_cache: { hits: number };
}
