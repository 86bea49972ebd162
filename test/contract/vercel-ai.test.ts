// The Vercel AI SDK, by both of its providers, against the whole stack on the scripted engine.
import { createOpenAI } from '@ai-sdk/openai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import {
  APICallError,
  generateObject,
  generateText,
  jsonSchema,
  type LanguageModel,
  stepCountIs,
  streamObject,
  streamText,
  tool,
} from 'ai';
import { describe, expect, it } from 'vitest';
import {
  ANN,
  ANSWER,
  drivenServer,
  failingServer,
  hasGrammars,
  MODEL,
  PERSON,
  QUESTION,
  RESULT,
  scriptedServer,
  THOUGHT,
  WEATHER,
  WHO,
} from './support.js';

const PROVIDERS: Record<string, (baseURL: string) => LanguageModel> = {
  'openai-compatible': (baseURL) =>
    createOpenAICompatible({ name: 'mlxd', baseURL, includeUsage: true, supportsStructuredOutputs: true })(MODEL),
  openai: (baseURL) => createOpenAI({ baseURL, apiKey: 'unused' }).chat(MODEL),
};

const weather = (asked: unknown[]) =>
  tool({
    description: WEATHER.description,
    inputSchema: jsonSchema<{ city: string }>(WEATHER.parameters),
    execute: async (input) => {
      asked.push(input);
      return RESULT;
    },
  });

describe.each(Object.entries(PROVIDERS))('the AI SDK, provider %s', (name, modelAt) => {
  const thinks = name === 'openai-compatible'; // The other knows no reasoning outside the Responses API.

  it('gets a text and its usage', async () => {
    const model = modelAt(await scriptedServer());
    const { text, finishReason, usage } = await generateText({ model, prompt: 'Say hello' });
    expect([text, finishReason]).toEqual(['Hello there.', 'stop']);
    expect(usage.outputTokens).toBeGreaterThan(2);
  });

  it('streams a text', async () => {
    const result = streamText({ model: modelAt(await scriptedServer()), prompt: 'Say hello' });
    const parts: string[] = [];
    for await (const part of result.textStream) parts.push(part);
    expect(parts.join('')).toBe('Hello there.');
    expect(parts.length).toBeGreaterThan(1);
    expect((await result.usage).inputTokens).toBeGreaterThan(0);
  });

  it('calls its tool and answers, whole and streamed', async () => {
    const model = modelAt(await scriptedServer());
    const asked: unknown[] = [];
    const request = { model, prompt: QUESTION, tools: { get_weather: weather(asked) }, stopWhen: stepCountIs(3) };
    const whole = await generateText(request);
    const streamed = streamText(request);
    expect([whole.text, await streamed.text]).toEqual([ANSWER, ANSWER]);
    expect(asked).toEqual([{ city: 'Paris' }, { city: 'Paris' }]);
    if (!thinks) return;
    expect(whole.steps[0]?.reasoningText).toBe(THOUGHT);
    expect((await streamed.steps)[0]?.reasoningText).toBe(THOUGHT);
  });

  it.skipIf(!hasGrammars())('makes an object that fits a schema, whole and streamed', async () => {
    const model = modelAt(await scriptedServer());
    const whole = await generateObject({ model, schema: PERSON, prompt: WHO, maxRetries: 0 });
    expect(whole.object).toEqual(ANN);
    const streamed = streamObject({ model, schema: PERSON, prompt: WHO, maxRetries: 0 });
    const parts: unknown[] = [];
    for await (const part of streamed.partialObjectStream) parts.push(part);
    expect(parts.length).toBeGreaterThan(1);
    expect(await streamed.object).toEqual(ANN);
  });

  it('throws what the server refuses and what fails', async () => {
    const model = modelAt(await scriptedServer());
    const refused = generateText({ model, prompt: 'Say hello', temperature: 9, maxRetries: 0 });
    await expect(refused).rejects.toSatisfy((error) => APICallError.isInstance(error) && error.statusCode === 400);
    const failed = generateText({ model: modelAt(await failingServer()), prompt: 'x', maxRetries: 0 });
    await expect(failed).rejects.toMatchObject({ statusCode: 500 });
  });

  it('cancels the generation when it aborts', async () => {
    const { url, model } = await drivenServer();
    const leave = new AbortController();
    const pending = generateText({ model: modelAt(url), prompt: 'x', maxRetries: 0, abortSignal: leave.signal });
    const call = await model.nextCall();
    leave.abort();
    await expect(pending).rejects.toThrow();
    await call.cancelled;
  });
});
