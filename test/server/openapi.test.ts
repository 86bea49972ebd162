// GET /openapi.json and GET /docs: that the description is whole, is valid, and tells the truth.
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { FastifyInstance } from 'fastify';
import { describe, expect, it } from 'vitest';
import { buildApp } from '../../src/server/app.js';
import { appFor, get, saying } from './support/requests.js';

interface Described {
  operationId: string;
  summary: string;
  requestBody?: { content: Record<string, { schema: object; example?: object }> };
  responses: Record<string, { description: string; content: Record<string, { schema: object; example?: unknown }> }>;
}

interface Description {
  openapi: string;
  paths: Record<string, Record<string, Described>>;
  components: { schemas: Record<string, object> };
}

const description = async (app: FastifyInstance) => (await get(app, '/openapi.json')).json<Description>();
const operationsOf = ({ paths }: Description) => Object.values(paths).flatMap((methods) => Object.values(methods));

/** Judges by JSON Schema 2020-12, the dialect of OpenAPI 3.1; references lead into the description. */
function judge(document: Description): Ajv2020 {
  const ajv = new Ajv2020({ strict: true, strictTypes: false, allowUnionTypes: true, validateFormats: false });
  ajv.addKeyword('components');
  ajv.addSchema({ $id: 'document', components: document.components });
  return ajv;
}

const rooted = (schema: object): object =>
  JSON.parse(JSON.stringify(schema).replaceAll('"#/components/', '"document#/components/'));

describe('GET /openapi.json', () => {
  it('describes every route that is registered, and no other', async () => {
    const app = buildApp({ models: saying(), version: '1.2.3' });
    const registered: string[] = [];
    app.addHook('onRoute', ({ method, url, schema }) => {
      const path = url.replace(/\*$/, '{id}');
      if (!schema?.hide && method !== 'HEAD') registered.push(`${method} ${path}`);
    });
    const { paths } = await description(app);
    const described = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(described.sort()).toEqual(registered.sort());
    expect(registered).toContain('POST /v1/chat/completions');
    expect((await get(app, '/')).json().endpoints.sort()).toEqual(described);
    await app.close();
  });

  it('hides the files of the page alone', async () => {
    const app = buildApp({ models: saying(), version: '1.2.3' });
    const hidden: string[] = [];
    app.addHook('onRoute', ({ url, schema }) => {
      if (schema?.hide) hidden.push(url);
    });
    await app.ready();
    expect(hidden.filter((url) => !url.startsWith('/docs'))).toEqual([]);
    await app.close();
  });

  it('gives each operation its own id, a summary, and what it answers', async () => {
    const document = await description(appFor(saying()));
    expect(document).toMatchObject({ openapi: '3.1.0', info: { title: 'mlxd', version: '1.2.3' } });
    const operations = operationsOf(document);
    expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(operations.length);
    for (const { summary, responses } of operations) {
      expect(summary).not.toBe('');
      expect(Object.keys(responses)).toEqual(expect.arrayContaining(['200', '403', '500']));
    }
  });

  it('has schemas that are JSON Schema, and examples that fit them', async () => {
    const document = await description(appFor(saying()));
    const ajv = judge(document);
    const media = operationsOf(document).flatMap(({ requestBody, responses }) => [
      ...Object.values(requestBody?.content ?? {}),
      ...Object.values(responses).flatMap(({ content }) => Object.values(content)),
    ]);
    for (const schema of new Set(media.map((one) => JSON.stringify(one.schema)))) {
      const validate = ajv.compile(rooted(JSON.parse(schema)));
      for (const { example } of media.filter((one) => JSON.stringify(one.schema) === schema)) {
        if (example !== undefined) expect(validate(example), JSON.stringify(validate.errors)).toBe(true);
      }
    }
    expect(media.filter(({ example }) => example !== undefined).length).toBeGreaterThan(20);
  });

  it('describes what the routes take: their examples pass', async () => {
    const app = appFor(saying('Paris'));
    const { paths } = await description(app);
    for (const [url, { post }] of Object.entries(paths)) {
      const example = post?.requestBody?.content['application/json']?.example;
      if (!example) continue;
      const payload = { ...example, model: 'scripted/model' };
      const { statusCode } = await app.inject({ method: 'POST', url, headers: { host: 'localhost' }, payload });
      expect([url, statusCode]).toEqual([url, 200]);
    }
  });

  it('describes what the routes answer: replies fit their schemas', async () => {
    const app = appFor(saying('Paris'));
    const document = await description(app);
    const ajv = judge(document);
    const body = { model: 'scripted/model', messages: [{ role: 'user', content: 'x' }], prompt: 'x', tokens: [1] };
    for (const [path, methods] of Object.entries(document.paths)) {
      for (const [method, { responses }] of Object.entries(methods)) {
        const url = path.replace('{id}', 'scripted/model');
        const { prompt, messages, ...rest } = body;
        const own = path.includes('chat') ? { ...rest, messages } : { ...rest, prompt };
        const payload = method === 'post' ? { payload: own } : {};
        const upper = method.toUpperCase() as 'GET' | 'POST';
        const reply = await app.inject({ method: upper, url, headers: { host: 'localhost' }, ...payload });
        const schema = responses[reply.statusCode]?.content['application/json']?.schema as object;
        const validate = ajv.compile(rooted(schema));
        expect(validate(reply.json()), `${method} ${path} ${JSON.stringify(validate.errors)}`).toBe(true);
      }
    }
  });

  it('tells lists and maps whose elements code checks', async () => {
    const { paths } = await description(appFor(saying()));
    const { schema } = paths['/v1/chat/completions']?.post?.requestBody?.content['application/json'] ?? {};
    const { properties } = schema as { properties: Record<string, Record<string, unknown>> };
    expect(JSON.stringify(properties.messages)).toContain('tool_call_id');
    expect(properties.messages).toMatchObject({ type: 'array', minItems: 1 });
    expect(JSON.stringify(properties.logit_bias)).toContain('"maximum":100');
  });
});

describe('GET /docs', () => {
  it('is a page of its own server alone', async () => {
    const app = appFor(saying());
    const page = await get(app, '/docs');
    expect([page.statusCode, page.headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
    expect(page.headers['content-security-policy']).toContain("default-src 'self'");
    const loaded = [...page.body.matchAll(/(?:src|href)="([^"]+)"/gu)].map(([, url]) => url as string);
    expect(loaded.length).toBeGreaterThan(4);
    for (const url of loaded) expect([url, (await get(app, url)).statusCode]).toEqual([url, 200]);
    expect((await get(app, '/docs/json')).json().openapi).toBe('3.1.0');
  });

  it('keeps the rules on who may ask', async () => {
    const app = appFor(saying());
    for (const url of ['/docs', '/docs/static/swagger-ui.css', '/openapi.json']) {
      expect((await get(app, url, { host: 'evil.example' })).statusCode).toBe(403);
      expect((await get(app, url, { origin: 'https://evil.example' })).statusCode).toBe(403);
    }
  });
});
