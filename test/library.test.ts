// The library's face: options to a generation, deltas to pieces of text.
import { describe, expect, it } from 'vitest';
import { type ChatOptions, Model } from '../src/index.js';
import type { ChatMessage } from '../src/services/types.js';
import { PROMPT_TOKENS, ScriptedModel } from './server/support/scripted-model.js';

const HELLO: ChatMessage[] = [{ role: 'user', content: 'Hello' }];
const saying = (...texts: string[]) => new ScriptedModel('tiny', (call) => call.say(...texts).finish());

describe('chat', () => {
  it('gives text, and at the end why and how much', async () => {
    const deltas = [];
    for await (const delta of new Model(saying('Hel', 'lo')).chat(HELLO)) deltas.push(delta);
    expect(deltas).toEqual([
      { text: 'Hel' },
      { text: 'lo' },
      { text: '', finishReason: 'stop', usage: { promptTokens: PROMPT_TOKENS, cachedTokens: 0, completionTokens: 2 } },
    ]);
  });

  it('passes every option on', async () => {
    const served = saying('');
    const options: ChatOptions = {
      temperature: 0,
      topP: 0.5,
      topK: 4,
      minP: 0.1,
      seed: 7,
      maxTokens: 9,
      ignoreEos: true,
    };
    await new Model(served).complete(HELLO, { ...options, stop: 'END' });
    await new Model(served).complete('Hello', { stop: ['a', 'b'] });
    expect(served.calls.map((call) => call.input)).toEqual([
      {
        messages: HELLO,
        sampling: { temperature: 0, topP: 0.5, topK: 4, minP: 0.1, seed: 7 },
        maxTokens: 9,
        stop: ['END'],
        ignoreEos: true,
      },
      { messages: HELLO, sampling: { temperature: 1, topP: 1, topK: 0, minP: 0 }, stop: ['a', 'b'], ignoreEos: false },
    ]);
  });

  it('passes on what was called and answered before', async () => {
    const served = saying('');
    const messages: ChatMessage[] = [
      ...HELLO,
      { role: 'assistant', content: '', reasoning: 'Hm.', toolCalls: [{ id: 'a', name: 'now', arguments: '{}' }] },
      { role: 'tool', content: 'noon', toolCallId: 'a', name: 'now' },
    ];
    await new Model(served).complete(messages);
    expect(served.calls[0]?.input.messages).toEqual(messages);
  });

  it('gives what the model thinks beside its text', async () => {
    const served = new ScriptedModel('tiny', (call) =>
      call.give({ type: 'reasoning', text: 'Hm.' }).say('Yes').finish(),
    );
    const deltas = [];
    for await (const delta of new Model(served).chat(HELLO)) deltas.push(delta);
    expect(deltas.slice(0, 2)).toEqual([{ text: '', reasoning: 'Hm.' }, { text: 'Yes' }]);
    expect(await new Model(served).complete(HELLO)).toMatchObject({ text: 'Yes', reasoning: 'Hm.' });
  });

  it('ends when its signal is aborted', async () => {
    const served = new ScriptedModel();
    const abort = new AbortController();
    const reply = new Model(served).complete(HELLO, { signal: abort.signal });
    (await served.nextCall()).say('One');
    abort.abort();
    expect(await reply).toMatchObject({ text: 'One', finishReason: 'cancelled' });
  });
});

describe('what is not valid', () => {
  it.each<[unknown, unknown, RegExp]>([
    [[], {}, /^messages: /],
    [[{ role: 'robot', content: 'a' }], {}, /^messages\.0\.role: /],
    [[{ role: 'user' }], {}, /^messages\.0\.content: /],
    [HELLO, { temperature: 3 }, /^options\.temperature: /],
    [HELLO, { topP: 0 }, /^options\.topP: /],
    [HELLO, { maxTokens: 0.5 }, /^options\.maxTokens: /],
    [HELLO, { stop: [''] }, /^options\.stop/],
    [HELLO, { max_tokens: 5 }, /^options: .*max_tokens/],
    [HELLO, { signal: {} }, /^options\.signal: /],
  ])('is refused with its place: %#', async (messages, options, message) => {
    const attempt = new Model(saying('')).complete(messages as ChatMessage[], options as ChatOptions);
    await expect(attempt).rejects.toThrow(TypeError);
    await expect(attempt).rejects.toThrow(message);
  });
});
