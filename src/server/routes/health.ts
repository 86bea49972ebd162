// GET /health: 200 when every model can answer, 503 otherwise. GET /: what this is and where its endpoints are.
import type { ModelCatalog } from '../../services/types.js';
import type { ApiInstance } from '../app.js';
import type { InFlight } from '../in-flight.js';
import { operations } from '../operations.js';
import { toHealth } from './health-mapper.js';

export function addHealth(app: ApiInstance, models: ModelCatalog, inFlight: InFlight, version: string): void {
  const startedAt = performance.now();

  app.get('/', { schema: operations.serverCard }, async () => {
    const endpoints = Object.entries(app.swagger().paths ?? {}).flatMap(([path, methods]) =>
      Object.keys(methods ?? {}).map((method) => `${method.toUpperCase()} ${path}`),
    );
    return { name: 'mlxd', version, endpoints };
  });

  app.get('/health', { schema: operations.health }, async (_, reply) => {
    const uptimeMs = performance.now() - startedAt;
    const health = toHealth({ models: models.list(), inFlight, version, uptimeMs });
    reply.header('cache-control', 'no-store');
    return reply.code(health.status === 'ok' ? 200 : 503).send(health);
  });
}
