// The rules of a server on this machine: who may ask (Host, Origin, CORS), and where it may listen.
import { describe, expect, it } from 'vitest';
import { buildApp } from '../../src/server/app.js';
import { probePort, startServer } from '../../src/server/listen.js';
import { appFor, CHAT, chatBody, get, post, saying, serve } from './support/requests.js';

const app = (options = {}) => appFor(saying('ok'), options);

describe('the Host header', () => {
  it.each(['localhost', 'LOCALHOST:8080', '127.0.0.1', '127.0.0.1:9', '127.9.9.9:80', '[::1]', '[::1]:8080'])(
    '%s is ours',
    async (host) => {
      expect((await get(app(), '/', { host })).statusCode).toBe(200);
    },
  );

  it.each([
    'evil.example',
    'localhost.evil.example',
    'evil.example:8080',
    '127.0.0.1.evil.example',
    '127.evil.example',
    '10.0.0.1',
    '0.0.0.0:8080',
    '[::]:8080',
    'localhost@evil.example',
    'evil.example#localhost',
    '127.0.0.1/',
  ])('%s is not, on any route', async (host) => {
    for (const url of ['/', '/health', '/v1/models', '/v1/unknown']) {
      const response = await get(app(), url, { host });
      expect(response.statusCode).toBe(403);
      expect(response.json().error).toMatchObject({ type: 'permission_error', code: 'host_not_allowed' });
    }
    expect((await post(app(), chatBody(), { host })).statusCode).toBe(403);
  });

  it('may be a configured name, with any port or one', async () => {
    const configured = app({ allowedHosts: ['Box.local', 'proxy.local:443'] });
    const status = async (host: string) => (await get(configured, '/', { host })).statusCode;
    expect([await status('box.local'), await status('box.local:5'), await status('proxy.local:443')]).toEqual([
      200, 200, 200,
    ]);
    expect([await status('proxy.local'), await status('proxy.local:444')]).toEqual([403, 403]);
  });
});

describe('the Origin header', () => {
  const host = '127.0.0.1:8080';

  it.each(['http://127.0.0.1:8080', 'http://localhost:8080', 'http://[::1]:8080'])('%s is ours', async (origin) => {
    const response = await post(app(), chatBody(), { host, origin });
    expect(response.statusCode).toBe(200);
    expect(response.headers).toMatchObject({ 'access-control-allow-origin': origin, vary: 'origin' });
    expect(response.headers['access-control-expose-headers']).toContain('x-should-retry');
    expect(response.headers).not.toHaveProperty('access-control-allow-credentials');
  });

  it.each([
    'null',
    '*',
    'http://evil.example',
    'http://evil.example:8080',
    'http://localhost:3000',
    'http://localhost',
    'https://localhost:8080',
    'http://localhost.evil.example:8080',
    'http://localhost:8080@evil.example',
    'http://localhost:8080/',
    'file://',
    '',
  ])('%s is not', async (origin) => {
    for (const method of ['POST', 'OPTIONS'] as const) {
      const headers = { host, origin, 'access-control-request-method': 'POST', 'content-type': 'application/json' };
      const response = await app().inject({ method, url: CHAT, headers, payload: chatBody() });
      expect(response.statusCode).toBe(403);
      expect(response.json().error.code).toBe('origin_not_allowed');
      expect(response.headers).not.toHaveProperty('access-control-allow-origin');
    }
  });

  it('may be configured; others stay out', async () => {
    const configured = app({ allowedOrigins: ['http://localhost:3000', 'tauri://localhost'] });
    const status = async (origin: string) => (await get(configured, '/', { host, origin })).statusCode;
    const statuses = ['http://localhost:3000', 'tauri://localhost', 'http://localhost:3001', 'null'].map(status);
    expect(await Promise.all(statuses)).toEqual([200, 200, 403, 403]);
  });

  it.each(['*', 'null', 'localhost:3000', 'http://*', 'http://a.example/path'])(
    'cannot be configured as %s',
    (origin) => {
      expect(() => buildApp({ models: saying(), version: '1', allowedOrigins: [origin] })).toThrow(/is not an origin/);
    },
  );

  it('gets a preflight answer on streams too, and its headers on errors', async () => {
    const origin = 'http://localhost:8080';
    const preflight = await app().inject({
      method: 'OPTIONS',
      url: CHAT,
      headers: {
        host,
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization, content-type, x-stainless-os',
      },
    });
    expect([preflight.statusCode, preflight.body]).toEqual([204, '']);
    expect(preflight.headers).toMatchObject({
      'access-control-allow-origin': origin,
      'access-control-allow-methods': expect.stringContaining('POST'),
      'access-control-allow-headers': 'authorization, content-type, x-stainless-os',
    });
    const streamed = await post(app(), chatBody({ stream: true }), { host, origin });
    const failed = await post(app(), chatBody({ n: 0 }), { host, origin });
    for (const { headers } of [streamed, failed]) expect(headers['access-control-allow-origin']).toBe(origin);
  });

  it('is not needed: sec-fetch-mode alone, as Node sends it, is no reason to refuse', async () => {
    expect((await post(app(), chatBody(), { 'sec-fetch-mode': 'cors' })).statusCode).toBe(200);
  });
});

describe('the request id', () => {
  it('is taken from the client when sane, else made', async () => {
    const sent = async (id: string) => (await get(app(), '/', { 'x-request-id': id })).headers['x-request-id'];
    expect(await sent('abc-1.2:3_X')).toBe('abc-1.2:3_X');
    for (const bad of ['a b', 'x'.repeat(129), '<script>', '']) expect(await sent(bad)).toMatch(/^req_[0-9a-f]{32}$/);
  });
});

describe('listening', () => {
  it.each(['0.0.0.0', '::', '192.168.1.5', 'example.com', ''])('refuses %s', async (host) => {
    await expect(startServer({ app: app(), host, port: 0 })).rejects.toThrow(/Refusing to listen.*API key/);
    await expect(probePort(host, 0)).rejects.toThrow(/Refusing to listen/);
  });

  it.each(['127.0.0.1', 'localhost', '::1'])('takes %s', async (host) => {
    await probePort(host, 0);
    const server = await startServer({ app: app(), host, port: 0 });
    expect((await fetch(`${server.url}/health`)).status).toBe(200);
    await server.drain(0);
  });

  it('says that a port is in use', async () => {
    const { port } = await serve(saying());
    const inUse = `Port ${port} on 127.0.0.1 is in use.`;
    await expect(startServer({ app: app(), host: '127.0.0.1', port })).rejects.toThrow(inUse);
    await expect(probePort('127.0.0.1', port)).rejects.toThrow(inUse);
  });
});
