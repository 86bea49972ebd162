// One log line a request, when its response has been sent or its client has left: route, status, duration, tokens.
// Never a body, a header, or a query.
import { finished } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import type { Usage } from '../../services/types.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Tokens that the request cost, once a generation has told. */
    usage: Usage | null;
  }
}

export function addRequestLog(app: FastifyInstance): void {
  app.decorateRequest('usage', null);
  app.addHook('onRequest', async (request, reply) => {
    finished(reply.raw, (unfinished) => {
      const { method, routeOptions, usage } = request;
      const fields = {
        method,
        route: routeOptions.url ?? 'unknown',
        status: reply.raw.statusCode,
        durationMs: Math.round(reply.elapsedTime),
        ...(usage ?? {}),
      };
      request.log.info(fields, unfinished ? 'client has gone' : 'request completed');
    });
  });
}
