// The client that the benchmarks measure with: what it counts, and what it does not take for a reply.
import { describe, expect, it } from 'vitest';
import { timeStream } from '../../bench/speed/stream.js';
import { saying, serve } from '../server/support/requests.js';
import { PROMPT_TOKENS, ScriptedModel } from '../server/support/scripted-model.js';

const ask = { messages: [{ role: 'user' as const, content: 'Hello' }], outputTokens: 3 };

describe('timeStream', () => {
  it('counts pieces of text, in the order of their times, and reads the usage', async () => {
    const { url } = await serve(saying('one', ' é\n\n', ' three'));
    const { startedAt, textAt, endedAt, usage } = await timeStream({ url, model: 'scripted/model' }, ask);
    expect(textAt).toHaveLength(3);
    const times = [startedAt, ...textAt, endedAt];
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    expect(usage).toEqual({ promptTokens: PROMPT_TOKENS, completionTokens: 3 });
  });

  it('throws what the server says is wrong', async () => {
    const { url } = await serve(saying('one'));
    await expect(timeStream({ url, model: 'unknown' }, ask)).rejects.toThrow('unknown');
  });

  it('throws what a stream that has begun ends with', async () => {
    const model = new ScriptedModel(undefined, (call) => call.say('one').fail(new Error('broken')));
    const { url } = await serve(model);
    await expect(timeStream({ url, model: 'scripted/model' }, ask)).rejects.toThrow('server_error');
  });

  it('leaves when it is told to', async () => {
    const model = new ScriptedModel();
    const { url } = await serve(model);
    const leave = new AbortController();
    const timed = timeStream({ url, model: 'scripted/model' }, { ...ask, signal: leave.signal });
    const call = await model.nextCall();
    leave.abort(new Error('told to'));
    await expect(timed).rejects.toThrow('told to');
    await call.cancelled;
  });
});
