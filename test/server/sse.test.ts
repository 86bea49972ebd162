// What keeps a stream alive while nothing comes, and what hides the lengths of its frames.
import { afterEach, describe, expect, it, vi } from 'vitest';
import { EngineError } from '../../src/engine/types.js';
import { appFor, chatBody, frames, post, saying } from './support/requests.js';
import { ScriptedModel } from './support/scripted-model.js';

afterEach(() => {
  vi.useRealTimers();
});

describe('a stream with obfuscation', () => {
  it('has frames whose lengths tell nothing of their text', async () => {
    const model = saying('a', 'é', 'a longer piece of text', 'b');
    const stream_options = { include_obfuscation: true, include_usage: true };
    const { body } = await post(appFor(model), chatBody({ stream: true, stream_options }));
    const chunks = frames(body).slice(0, -1);
    for (const chunk of chunks) expect(Buffer.byteLength(chunk) % 64, chunk).toBe(0);
    const parsed = chunks.map((chunk) => JSON.parse(chunk));
    expect(parsed.map(({ choices }) => choices[0]?.delta.content ?? '').join('')).toBe('aéa longer piece of textb');
    expect(new Set(parsed.map(({ obfuscation }) => obfuscation)).size).toBe(parsed.length);
  });

  it('is not what comes unasked', async () => {
    const { body } = await post(appFor(saying('a')), chatBody({ stream: true }));
    expect(body).not.toContain('obfuscation');
  });
});

describe('a stream on which nothing comes', () => {
  it('gets a comment every 15 seconds, and none once text comes', async () => {
    const model = new ScriptedModel();
    const app = appFor(model);
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const pending = post(app, chatBody({ stream: true }));
    const call = await model.nextCall();
    vi.advanceTimersByTime(31_000);
    call.say('Hello').finish();
    const { body, statusCode, headers } = await pending;
    vi.advanceTimersByTime(60_000);
    expect(statusCode).toBe(200);
    expect(headers['content-type']).toContain('text/event-stream');
    expect(body.split('\n\n').slice(0, 3)).toEqual([
      ': keep-alive',
      ': keep-alive',
      expect.stringMatching(/^data: .*"role":"assistant"/u),
    ]);
    expect(body.match(/keep-alive/gu)).toHaveLength(2);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('ends in an error when the prompt of an echo cannot be scored after it', async () => {
    const model = new ScriptedModel();
    let fail = (_error: Error): void => undefined;
    const scoring = new Promise<never>((_, reject) => {
      fail = reject;
    });
    const asked = new Promise<void>((resolve) => {
      model.echo = () => {
        resolve();
        return scoring;
      };
    });
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const payload = { model: 'scripted/model', prompt: 'Hi', echo: true, logprobs: 1, stream: true };
    const pending = appFor(model).inject({
      method: 'POST',
      url: '/v1/completions',
      headers: { host: 'localhost' },
      payload,
    });
    void pending.then(() => undefined);
    await asked;
    vi.advanceTimersByTime(16_000);
    fail(new EngineError('generation_failed', 'x'));
    const { statusCode, body } = await pending;
    const last = body.split('\n\n').at(-2)?.replace('data: ', '');
    expect([statusCode, JSON.parse(last ?? '').error.type]).toEqual([200, 'server_error']);
  });

  it('fails as plain HTTP when that is before the first comment', async () => {
    const model = new ScriptedModel(undefined, (call) => call.fail(new Error('broken')));
    const response = await post(appFor(model), chatBody({ stream: true }));
    expect(response.statusCode).toBe(500);
  });
});
