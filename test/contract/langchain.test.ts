// LangChain's ChatOpenAI against the whole stack on the scripted engine.
import { HumanMessage, ToolMessage } from '@langchain/core/messages';
import { ChatOpenAI } from '@langchain/openai';
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
  WEATHER,
  WHO,
} from './support.js';

const chatAt = (baseURL: string, extra: { temperature?: number } = {}) =>
  new ChatOpenAI({ model: MODEL, apiKey: 'unused', maxRetries: 0, configuration: { baseURL }, ...extra });

const TOOL = { type: 'function' as const, function: WEATHER };

describe('LangChain', () => {
  it('gets a text and its usage', async () => {
    const reply = await chatAt(await scriptedServer()).invoke('Say hello');
    expect(reply.content).toBe('Hello there.');
    expect(reply.usage_metadata).toMatchObject({ output_tokens: expect.any(Number) });
  });

  it('streams a text', async () => {
    const parts: unknown[] = [];
    for await (const chunk of await chatAt(await scriptedServer()).stream('Say hello')) parts.push(chunk.content);
    expect(parts.join('')).toBe('Hello there.');
  });

  it('calls a tool and answers with its result', async () => {
    const chat = chatAt(await scriptedServer()).bindTools([TOOL]);
    const question = new HumanMessage(QUESTION);
    const first = await chat.invoke([question]);
    expect(first.tool_calls).toMatchObject([{ name: 'get_weather', args: { city: 'Paris' } }]);
    const result = new ToolMessage({ content: RESULT, tool_call_id: first.tool_calls?.[0]?.id ?? '' });
    expect((await chat.invoke([question, first, result])).content).toBe(ANSWER);
  });

  it('puts a streamed call together', async () => {
    const chat = chatAt(await scriptedServer()).bindTools([TOOL]);
    let whole: Awaited<ReturnType<typeof chat.invoke>> | undefined;
    for await (const chunk of await chat.stream(QUESTION)) whole = whole === undefined ? chunk : whole.concat(chunk);
    expect(whole?.tool_calls).toMatchObject([{ name: 'get_weather', args: { city: 'Paris' } }]);
  });

  it.skipIf(!hasGrammars())('gives an object that fits a schema', async () => {
    const chat = chatAt(await scriptedServer()).withStructuredOutput(PERSON, { name: 'person', method: 'jsonSchema' });
    expect(await chat.invoke(WHO)).toEqual(ANN);
  });

  it('throws what the server refuses and what fails', async () => {
    const refused = chatAt(await scriptedServer(), { temperature: 9 }).invoke('Say hello');
    await expect(refused).rejects.toMatchObject({ status: 400 });
    await expect(chatAt(await failingServer()).invoke('x')).rejects.toMatchObject({ status: 500 });
  });

  it('cancels the generation when it aborts', async () => {
    const { url, model } = await drivenServer();
    const leave = new AbortController();
    const pending = chatAt(url).invoke('x', { signal: leave.signal });
    const call = await model.nextCall();
    leave.abort();
    await expect(pending).rejects.toThrow();
    await call.cancelled;
  });
});
