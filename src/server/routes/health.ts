// GET /health: 200 when every model can answer, 503 otherwise. GET /: what this is and where its endpoints are.
import type { FastifyInstance } from 'fastify';
import type { ModelCatalog } from '../../services/types.js';
import type { InFlight } from '../in-flight.js';
import { toHealth } from './health-mapper.js';

const ENDPOINTS = [
  'POST /v1/chat/completions',
  'POST /v1/completions',
  'POST /tokenize',
  'POST /detokenize',
  'GET /v1/models',
  'GET /v1/models/{id}',
  'GET /health',
];

export function addHealth(app: FastifyInstance, models: ModelCatalog, inFlight: InFlight, version: string): void {
  const startedAt = performance.now();

  app.get('/', async () => ({ name: 'mlxd', version, endpoints: ENDPOINTS }));

  app.get('/health', async (_, reply) => {
    const uptimeMs = performance.now() - startedAt;
    const health = toHealth({ models: models.list(), inFlight, version, uptimeMs });
    reply.header('cache-control', 'no-store');
    return reply.code(health.status === 'ok' ? 200 : 503).send(health);
  });
}
