// GET /, /health, /v1/models, and the request log.
import pino from 'pino';
import { describe, expect, it } from 'vitest';
import { EngineError, type EngineStats } from '../../src/engine/types.js';
import { appFor, chatBody, get, post, saying } from './support/requests.js';
import { ScriptedModel } from './support/scripted-model.js';

describe('GET /v1/models', () => {
  const object = { id: 'scripted/model', object: 'model', created: 1_700_000_000, owned_by: 'mlxd' };

  it('lists the models', async () => {
    expect((await get(appFor(saying()), '/v1/models')).json()).toEqual({ object: 'list', data: [object] });
  });

  it.each(['scripted/model', 'scripted%2Fmodel', 'scripted%2fmodel?x=1'])('finds %s', async (id) => {
    expect((await get(appFor(saying()), `/v1/models/${id}`)).json()).toEqual(object);
  });

  it.each(['other', 'scripted', 'scripted/model/x', '../../etc/passwd', '%00', 'x'.repeat(2000)])(
    'answers 404 for %s',
    async (id) => {
      const response = await get(appFor(saying()), `/v1/models/${encodeURIComponent(id)}`);
      expect(response.statusCode).toBe(404);
      expect(response.json().error).toMatchObject({ code: 'model_not_found', param: 'model' });
    },
  );
});

describe('GET /', () => {
  it('says what this is; HEAD too', async () => {
    const app = appFor(saying());
    expect((await get(app, '/')).json()).toMatchObject({
      name: 'mlxd',
      version: '1.2.3',
      endpoints: expect.any(Array),
    });
    const head = await app.inject({ method: 'HEAD', url: '/', headers: { host: 'localhost' } });
    expect([head.statusCode, head.body]).toEqual([200, '']);
  });
});

describe('GET /health', () => {
  const health = async (facts: Partial<EngineStats>) => {
    const model = saying();
    Object.assign(model.facts, facts);
    const response = await get(appFor(model), '/health');
    return { code: response.statusCode, body: response.json() };
  };

  it('tells the state of the engine thread', async () => {
    expect(await health({ waiting: 1, running: 2 })).toEqual({
      code: 200,
      body: {
        status: 'ok',
        version: '1.2.3',
        uptime_seconds: expect.any(Number),
        in_flight: 0,
        models: [
          {
            id: 'scripted/model',
            state: 'ready',
            device: 'cpu',
            kernels: 'avx2',
            precision: 'exact',
            waiting: 1,
            running: 2,
            prompt_tokens: 0,
            generated_tokens: 0,
            heartbeat_ms: 3,
            active_memory_bytes: 1000,
            peak_memory_bytes: 2000,
            restarts: 0,
            failures: 0,
            last_error: null,
            prefix_cache: { lookups: 0, hits: 0, reused_tokens: 0, evictions: 0, bytes: 0, entries: 0 },
          },
        ],
      },
    });
  });

  it.each([
    [{ state: 'loading' }, 'loading', 'loading'],
    [{ state: 'failed' }, 'degraded', 'failed'],
    [{ state: 'closed' }, 'degraded', 'closed'],
    [{ state: 'restarting' }, 'restarting', 'restarting'],
    [{ running: 1, heartbeatMs: 60_001 }, 'degraded', 'stalled'],
  ] as const)('is 503 for %j', async (facts, status, state) => {
    const { code, body } = await health(facts);
    expect([code, body.status, body.models[0].state]).toEqual([503, status, state]);
  });

  it('takes an idle engine for a healthy one, however long ago its last loop was', async () => {
    expect((await health({ heartbeatMs: 3_600_000 })).code).toBe(200);
  });
});

describe('the request log', () => {
  function logged(): { logger: pino.Logger; lines: Record<string, unknown>[] } {
    const lines: Record<string, unknown>[] = [];
    const logger = pino({ level: 'trace' }, { write: (line: string) => lines.push(JSON.parse(line)) });
    return { logger, lines };
  }

  it('has one line a request: id, route, status, duration, tokens; no bodies, headers or queries', async () => {
    const { logger, lines } = logged();
    const app = appFor(saying('reply-text'), { logger });
    const headers = { authorization: 'Bearer sk-secret', 'x-request-id': 'id-1' };
    await post(app, chatBody({ messages: [{ role: 'user', content: 'prompt-text' }] }), headers);
    await get(app, '/v1/models/secret-id?key=sk-secret');
    expect(lines).toMatchObject([
      {
        reqId: 'id-1',
        method: 'POST',
        route: '/v1/chat/completions',
        status: 200,
        durationMs: expect.any(Number),
        promptTokens: 7,
        completionTokens: 1,
        msg: 'request completed',
      },
      { method: 'GET', route: '/v1/models/*', status: 404 },
    ]);
    expect(JSON.stringify(lines)).not.toMatch(/secret|prompt-text|reply-text/);
  });

  it.each([false, true])('has the cause of a 5xx, whole or streamed (%s)', async (stream) => {
    const { logger, lines } = logged();
    const broken = new EngineError('generation_failed', 'the cause');
    const model = new ScriptedModel(undefined, (call) => (stream ? call.say('a') : call).fail(broken));
    await post(appFor(model, { logger }), chatBody({ stream }), { 'x-request-id': 'id-2' });
    const error = lines.find(({ level }) => level === 50);
    expect(error).toMatchObject({ reqId: 'id-2', err: { message: 'the cause' } });
  });
});
