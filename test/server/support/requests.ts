// What the server tests share: bodies, an app over a scripted model, a listening server, the reading of an event
// stream.
import type { FastifyInstance, LightMyRequestResponse } from 'fastify';
import { afterEach } from 'vitest';
import { type AppOptions, buildApp } from '../../../src/server/app.js';
import { type RunningServer, startServer } from '../../../src/server/listen.js';
import type { ModelCatalog } from '../../../src/services/types.js';
import { ScriptedModel } from './scripted-model.js';

export const CHAT = '/v1/chat/completions';
const HEADERS = { host: 'localhost:8080', 'content-type': 'application/json' };

const open: FastifyInstance[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((app) => app.close()));
});

/** An app that closes itself after the test. */
export function appFor(model: ModelCatalog, options: Partial<AppOptions> = {}): FastifyInstance {
  const app = buildApp({ models: model, version: '1.2.3', ...options });
  open.push(app);
  return app;
}

export async function serve(
  model: ModelCatalog,
  options: Partial<AppOptions> = {},
): Promise<RunningServer & { app: FastifyInstance }> {
  const app = appFor(model, options);
  return { app, ...(await startServer({ app, host: '127.0.0.1', port: 0 })) };
}

/** A model that answers every chat with these deltas. */
export function saying(...texts: string[]): ScriptedModel {
  return new ScriptedModel(undefined, (call) => call.say(...texts).finish());
}

export function chatBody(extra: Record<string, unknown> = {}): Record<string, unknown> {
  return { model: 'scripted/model', messages: [{ role: 'user', content: 'Hello' }], ...extra };
}

export function post(app: FastifyInstance, body: unknown, headers = {}): Promise<LightMyRequestResponse> {
  const payload = typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
  return app.inject({ method: 'POST', url: CHAT, headers: { ...HEADERS, ...headers }, payload });
}

export function get(app: FastifyInstance, url: string, headers = {}): Promise<LightMyRequestResponse> {
  return app.inject({ method: 'GET', url, headers: { host: 'localhost:8080', ...headers } });
}

/** The `data:` payloads of an event stream; fails on anything else in it. */
export function frames(stream: string): string[] {
  const parts = stream.split('\n\n');
  if (parts.pop() !== '') throw new Error('the stream does not end with an empty line');
  return parts.map((part) => {
    if (!part.startsWith('data: ') || part.includes('\n')) throw new Error(`not a data frame: ${part}`);
    return part.slice('data: '.length);
  });
}
