// What evaluation harnesses ask of /v1/completions, against a real server process with the default model.
import type OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Completion } from '../../src/schemas/completions.js';
import { type OpenAiServer, startOpenAiServer } from './openai-client-server.js';

let server: OpenAiServer;
let openai: OpenAI;
let model: string;

beforeAll(async () => {
  server = await startOpenAiServer();
  ({ openai, model } = server);
});

afterAll(() => server?.stop());

type Extra = Partial<OpenAI.CompletionCreateParamsNonStreaming>;

async function complete(prompt: string | number[] | number[][], extra: Extra): Promise<Completion['choices']> {
  const asked = { model, prompt, temperature: 0, ...extra };
  return (await openai.completions.create(asked)).choices as Completion['choices'];
}

async function tokensOf(prompt: string): Promise<number[]> {
  const body = JSON.stringify({ model, prompt });
  const headers = { 'content-type': 'application/json' };
  const reply = await fetch(`${server.url}/tokenize`, { method: 'POST', headers, body });
  return ((await reply.json()) as { tokens: number[] }).tokens;
}

describe('an echoed prompt', () => {
  const TEXT = 'The capital of France is';

  it('has the very log-probabilities with which the model writes it', async () => {
    const [written] = await complete(TEXT, { max_tokens: 12, logprobs: 3 });
    const whole = [...(await tokensOf(TEXT)), ...(await tokensOf(written?.text ?? ''))];
    const [echoed] = await complete(whole, { echo: true, max_tokens: 0, logprobs: 3 });
    expect(echoed?.text).toBe(TEXT + (written?.text ?? ''));
    expect(echoed?.logprobs?.token_logprobs).toHaveLength(whole.length);
    expect(echoed?.logprobs?.token_logprobs[0]).toBeNull();
    expect(echoed?.logprobs?.token_logprobs.slice(-12)).toEqual(written?.logprobs?.token_logprobs);
    expect(echoed?.logprobs?.top_logprobs.slice(-12)).toEqual(written?.logprobs?.top_logprobs);
  });

  it('ranks the answers of a question as lm-eval asks: token arrays, one token more', async () => {
    const context = await tokensOf('Question: What is the capital of France?\nAnswer:');
    const endings = await Promise.all([' Paris', ' Banana'].map(tokensOf));
    const prompts = endings.map((ending) => [...context, ...ending]);
    const choices = await complete(prompts, { echo: true, max_tokens: 1, logprobs: 1, seed: 1 });
    const sums = choices.map(({ logprobs }) =>
      (logprobs?.token_logprobs ?? []).slice(context.length, -1).reduce((sum: number, one) => sum + (one ?? 0), 0),
    );
    expect(sums[0]).toBeGreaterThan((sums[1] ?? 0) + 1);
    for (const { logprobs } of choices) {
      const { tokens = [], text_offset: offsets = [] } = logprobs ?? {};
      expect(offsets.at(-1)).toBe([...tokens.slice(0, -1).join('')].length);
    }
  });
});
