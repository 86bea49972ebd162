// The API's description at /openapi.json, made of the routes as they are registered, and a page of it at /docs. The page
// loads nothing from elsewhere.
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';
import { components, describe, type Operation } from '../operation.js';
import { operations } from '../operations.js';

const LICENSE = { name: 'Apache License 2.0', identifier: 'Apache-2.0' };
const CONTENT_SECURITY_POLICY = [
  "default-src 'self'",
  "img-src 'self' data:",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** Must be called before the routes are registered. */
export function addOpenApi(app: FastifyInstance, version: string): void {
  app.register(swagger, {
    openapi: { openapi: '3.1.0', info: { title: 'mlxd', version, license: LICENSE }, components },
    transform: ({ schema, url }) => {
      if (!schema || schema.hide) return { schema: { hide: true }, url };
      return describe(schema as unknown as Operation, url);
    },
  });
  app.register(swaggerUi, { routePrefix: '/docs', staticCSP: CONTENT_SECURITY_POLICY, theme: { title: 'mlxd' } });
  app.register(async (api) => {
    api.get('/openapi.json', { schema: operations.openapi }, async () => api.swagger());
  });
}
