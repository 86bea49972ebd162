// Keeps other people's web pages away from a server on this machine: a Host allow-list (DNS rebinding) and an Origin
// allow-list (cross-site requests), with the CORS answers for the origins that are allowed. No wildcard, no
// credentials.
import { isIPv4 } from 'node:net';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { apiErrors } from '../../schemas/openai-errors.js';

const HOST = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(\d{1,5}))?$/;
/** Desktop shells have schemes of their own: tauri://localhost. */
const ORIGIN = /^[a-z][a-z0-9+.-]*:\/\/[a-z0-9._:[\]-]+$/;
const PREFLIGHT_MAX_AGE_SECONDS = 600;

export interface LocalOnlyOptions {
  /** Names, with or without a port, that the server answers to besides localhost and the loopback addresses. */
  allowedHosts: readonly string[];
  /** Origins of web pages, such as `http://localhost:3000`, that may call besides the server's own. */
  allowedOrigins: readonly string[];
}

export function isLoopbackName(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || (isIPv4(hostname) && hostname.startsWith('127.'));
}

/** Throws TypeError for an allowed origin that is not one, `*` and `null` included. */
export function addLocalOnlyRules(app: FastifyInstance, options: LocalOnlyOptions): void {
  const hosts = new Set(options.allowedHosts.map((host) => host.toLowerCase()));
  const origins = new Set(options.allowedOrigins.map(parseOrigin));

  app.addHook('onRequest', async (request, reply) => {
    const { host } = request.headers;
    if (!isAllowedHost(host, hosts)) throw apiErrors.hostNotAllowed(host);
    const { origin } = request.headers;
    if (origin === undefined) return;
    reply.header('vary', 'origin');
    if (!origins.has(origin) && !isOwnOrigin(origin, host)) throw apiErrors.originNotAllowed(origin);
    reply.header('access-control-allow-origin', origin);
    reply.header('access-control-expose-headers', 'x-request-id, retry-after, x-should-retry');
    if (isPreflight(request)) return answerPreflight(request, reply);
  });
}

function parseOrigin(text: string): string {
  const origin = text.toLowerCase();
  if (ORIGIN.test(origin)) return origin;
  throw new TypeError(`'${text}' is not an origin. Write it as scheme://host[:port], such as http://localhost:3000.`);
}

function isAllowedHost(header: string | undefined, allowed: ReadonlySet<string>): header is string {
  const host = header?.toLowerCase() ?? '';
  const hostname = HOST.exec(host)?.[1];
  if (hostname === undefined) return false;
  return isLoopbackName(hostname) || allowed.has(host) || allowed.has(hostname);
}

/** The page came from this very host and port, or from another name of this machine's loopback at the same port. */
function isOwnOrigin(origin: string, host: string): boolean {
  const [, scheme, authority] = /^(https?):\/\/(.+)$/.exec(origin.toLowerCase()) ?? [];
  if (scheme !== 'http' || authority === undefined) return false;
  if (authority === host.toLowerCase()) return true;
  const [, hostname = '', port = '80'] = HOST.exec(authority) ?? [];
  const [, , ownPort = '80'] = HOST.exec(host.toLowerCase()) ?? [];
  return isLoopbackName(hostname) && port === ownPort;
}

function isPreflight(request: FastifyRequest): boolean {
  return request.method === 'OPTIONS' && request.headers['access-control-request-method'] !== undefined;
}

function answerPreflight(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const headers = request.headers['access-control-request-headers'];
  if (headers !== undefined) reply.header('access-control-allow-headers', headers);
  return reply
    .header('access-control-allow-methods', 'GET, HEAD, POST')
    .header('access-control-max-age', PREFLIGHT_MAX_AGE_SECONDS)
    .code(204)
    .send();
}
