// The official client against a listening server with a scripted model: what its helpers ask of the wire.
import OpenAI from 'openai';
import { zodResponseFormat } from 'openai/helpers/zod';
import { describe, expect, it } from 'vitest';
import { EngineError } from '../../src/engine/types.js';
import { saying, serve } from '../server/support/requests.js';
import { PROMPT_TOKENS, ScriptedModel } from '../server/support/scripted-model.js';
import { ANN, hasGrammars, MODEL, PERSON, scriptedServer, WHO } from './support.js';

const REQUEST = { model: 'scripted/model', messages: [{ role: 'user' as const, content: 'Hello' }] };
const STREAM = { ...REQUEST, stream: true as const };

async function clientFor(model: ScriptedModel): Promise<OpenAI> {
  const { url } = await serve(model);
  return new OpenAI({ baseURL: `${url}/v1`, apiKey: 'unused', maxRetries: 0 });
}

describe('the openai client', () => {
  it('gets a whole reply with its request id', async () => {
    const openai = await clientFor(saying('Hel', 'lo'));
    const completion = await openai.chat.completions.create(REQUEST);
    expect(completion.choices[0]?.message.content).toBe('Hello');
    expect(completion.usage?.total_tokens).toBe(PROMPT_TOKENS + 2);
    expect(completion._request_id).toMatch(/^req_/);
  });

  it('iterates a stream', async () => {
    const openai = await clientFor(saying('Hel', 'lo'));
    let text = '';
    for await (const chunk of await openai.chat.completions.create(STREAM)) {
      text += chunk.choices[0]?.delta.content ?? '';
    }
    expect(text).toBe('Hello');
  });

  it('assembles a stream of two choices with its helper, usage included', async () => {
    const openai = await clientFor(saying('Hel', 'lo'));
    const stream = openai.chat.completions.stream({ ...REQUEST, n: 2, stream_options: { include_usage: true } });
    const completion = await stream.finalChatCompletion();
    const told = completion.choices.map(({ message, finish_reason }) => [message.role, message.content, finish_reason]);
    expect(told).toEqual([
      ['assistant', 'Hello', 'stop'],
      ['assistant', 'Hello', 'stop'],
    ]);
    expect(completion.usage?.completion_tokens).toBe(4);
  });

  it.skipIf(!hasGrammars())('parses a reply that fits a schema, whole and streamed', async () => {
    const openai = new OpenAI({ baseURL: await scriptedServer(), apiKey: 'unused', maxRetries: 0 });
    const request = {
      model: MODEL,
      messages: [{ role: 'user' as const, content: WHO }],
      response_format: zodResponseFormat(PERSON, 'person'),
    };
    const whole = await openai.chat.completions.parse(request);
    expect(whole.choices[0]?.message.parsed).toEqual(ANN);
    const streamed = await openai.chat.completions.stream(request).finalChatCompletion();
    expect(streamed.choices[0]?.message.parsed).toEqual(ANN);
  });

  it('lists and retrieves models', async () => {
    const openai = await clientFor(saying());
    const ids = [];
    for await (const model of openai.models.list()) ids.push(model.id);
    expect(ids).toEqual(['scripted/model']);
    expect((await openai.models.retrieve('scripted/model')).owned_by).toBe('mlxd');
  });

  it('throws its own class for each kind of error, with code and param', async () => {
    const failing = new ScriptedModel(undefined, (call) => call.fail(new EngineError('generation_failed', 'x')));
    const openai = await clientFor(failing);
    const create = (extra: object) => openai.chat.completions.create({ ...REQUEST, ...extra });
    const refused = create({ temperature: 9 });
    await expect(refused).rejects.toBeInstanceOf(OpenAI.BadRequestError);
    await expect(refused).rejects.toMatchObject({ code: 'decimal_above_max_value', param: 'temperature' });
    await expect(create({ model: 'none' })).rejects.toBeInstanceOf(OpenAI.NotFoundError);
    await expect(create({})).rejects.toBeInstanceOf(OpenAI.InternalServerError);
  });

  it('throws on a stream that fails in the middle', async () => {
    const model = new ScriptedModel(undefined, (call) => call.say('a').fail(new EngineError('generation_failed', 'x')));
    const openai = await clientFor(model);
    const texts: unknown[] = [];
    const reading = (async () => {
      for await (const chunk of await openai.chat.completions.create(STREAM)) texts.push(chunk);
    })();
    await expect(reading).rejects.toBeInstanceOf(OpenAI.APIError);
    expect(texts).toHaveLength(2);
  });

  it('cancels the generation when it aborts, whole or streamed', async () => {
    const model = new ScriptedModel();
    const openai = await clientFor(model);
    const leave = new AbortController();
    const whole = openai.chat.completions.create(REQUEST, { signal: leave.signal });
    const wholeCall = await model.nextCall();
    leave.abort();
    await expect(whole).rejects.toBeInstanceOf(OpenAI.APIUserAbortError);
    await wholeCall.cancelled;

    const pending = openai.chat.completions.create(STREAM);
    const streamedCall = await model.nextCall();
    streamedCall.say('a', 'b');
    for await (const chunk of await pending) if (chunk.choices[0]?.delta.content === 'a') break;
    await streamedCall.cancelled;
  });
});
