// What a client is told of what went wrong below the routes: in the engine, a template, or for want of a place.
import { describe, expect, it } from 'vitest';
import { EngineError } from '../../src/engine/types.js';
import { ChatTemplateError } from '../../src/text/types.js';
import { appFor, chatBody, post, saying } from './support/requests.js';
import { ScriptedModel } from './support/scripted-model.js';

describe('an error from below', () => {
  const failing = (error: Error) => appFor(new ScriptedModel(undefined, (call) => call.fail(error)));

  it.each([
    [
      new EngineError('context_length_exceeded', 'the prompt has 500'),
      400,
      'context_length_exceeded',
      /^This model's maximum context length is 128 tokens\. However, the prompt has 500\.$/,
      undefined,
    ],
    [new EngineError('invalid_request', 'no tokens'), 400, 'invalid_request', /^no tokens$/, undefined],
    [new ChatTemplateError('rejected', 'Roles alternate.'), 400, 'invalid_value', /^Roles alternate\.$/, undefined],
    [new ChatTemplateError('variable', 'No such.'), 400, 'unsupported_value', /^No such\.$/, undefined],
    [new ChatTemplateError('effort', 'No thinking.'), 400, 'unsupported_value', /^No thinking\.$/, undefined],
    [new ChatTemplateError('missing', 'It cannot chat.'), 400, 'unsupported_value', /^It cannot chat\.$/, undefined],
    [new EngineError('generation_failed', '/secret 0xdead'), 500, null, /had an error/, undefined],
    [new EngineError('engine_closed', '/secret'), 503, 'model_unavailable', /engine has stopped/, '2'],
    [new EngineError('model_load_failed', '/secret'), 503, 'model_unavailable', /engine has stopped/, '2'],
    [new EngineError('engine_failed', '/secret'), 503, 'model_unavailable', /engine has stopped/, '2'],
    [new EngineError('engine_restarting', '/secret'), 503, 'model_restarting', /being restarted/, '2'],
    [new EngineError('insufficient_memory', 'it ran out'), 503, 'insufficient_memory', /^Not.*ran out/, '2'],
    [new EngineError('queue_full', '/secret'), 429, 'queue_full', /limit of concurrent/, '1'],
    [new TypeError('/secret'), 500, null, /had an error/, undefined],
  ])('%s: %i', async (error, status, code, message, retryAfter) => {
    const response = await post(failing(error), chatBody());
    expect(response.statusCode).toBe(status);
    expect(response.json().error).toMatchObject({ code, message: expect.stringMatching(message) });
    expect(response.headers['retry-after']).toBe(retryAfter);
    expect(response.body).not.toContain('secret');
  });

  it.each([
    new EngineError('invalid_grammar', `no rule ${'r'.repeat(100_000)}`),
    new ChatTemplateError('rejected', 'Roles '.repeat(20_000)),
  ])('quotes little of a request: $name', async (error) => {
    const response = await post(failing(error), chatBody());
    expect([response.statusCode, response.body.length < 1500]).toEqual([400, true]);
  });

  it('names the messages where the prompt that they make is at fault', async () => {
    const response = await post(failing(new EngineError('invalid_request', 'an empty prompt')), chatBody());
    expect(response.json().error).toMatchObject({ param: 'messages', message: 'an empty prompt' });
  });

  it('is 504 at the deadline, which clients need not try again', async () => {
    const model = new ScriptedModel();
    const response = await post(appFor(model, { requestTimeoutMs: 1 }), chatBody());
    expect([response.statusCode, response.headers['x-should-retry']]).toEqual([504, 'false']);
    expect(response.json().error).toMatchObject({ type: 'server_error', code: 'request_timeout' });
    expect(model.calls[0]?.signal?.aborted).toBe(true);
  });

  it('is 404 for an unknown model', async () => {
    const response = await post(appFor(saying('ok')), chatBody({ model: 'gpt-9' }));
    expect(response.statusCode).toBe(404);
    expect(response.json().error).toMatchObject({ code: 'model_not_found', message: expect.stringMatching(/'gpt-9'/) });
  });

  it('is 503 for a model that is loading', async () => {
    const model = saying('ok');
    model.facts.state = 'loading';
    const response = await post(appFor(model), chatBody());
    expect([response.statusCode, response.json().error.code]).toEqual([503, 'model_loading']);
    expect(response.headers['retry-after']).toBe('2');
  });

  it('is 429 at the limit of concurrent requests, and over when one has ended', async () => {
    const model = new ScriptedModel();
    const limited = appFor(model, { maxInFlight: 1 });
    const first = post(limited, chatBody());
    const call = await model.nextCall();
    const refused = await post(limited, chatBody());
    expect([refused.statusCode, refused.json().error.code]).toEqual([429, 'queue_full']);
    expect(refused.headers['retry-after']).toBe('1');
    call.finish();
    await first;
    const next = post(limited, chatBody());
    (await model.nextCall()).finish();
    expect((await next).statusCode).toBe(200);
  });
});
