// GET /v1/models and /v1/models/{id}. An id may hold slashes, percent-encoded or not.
import type { FastifyInstance } from 'fastify';
import { apiErrors } from '../../schemas/openai-errors.js';
import type { ModelCatalog } from '../../services/types.js';
import { toModelList, toModelObject } from './models-mapper.js';

export function addModels(app: FastifyInstance, models: ModelCatalog): void {
  app.get('/v1/models', async () => toModelList(models.list()));

  app.get<{ Params: { '*': string } }>('/v1/models/*', async (request) => {
    const id = request.params['*'];
    const model = models.get(id);
    if (!model) throw apiErrors.modelNotFound(id);
    return toModelObject(model);
  });
}
