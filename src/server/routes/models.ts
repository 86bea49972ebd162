// GET /v1/models and /v1/models/{id}. An id may hold slashes, percent-encoded or not.
import { apiErrors } from '../../schemas/openai-errors.js';
import type { ModelCatalog } from '../../services/types.js';
import type { ApiInstance } from '../app.js';
import { operations } from '../operations.js';
import { toModelList, toModelObject } from './models-mapper.js';

export function addModels(app: ApiInstance, models: ModelCatalog): void {
  app.get('/v1/models', { schema: operations.listModels }, async () => toModelList(models.list()));

  app.get<{ Params: { '*': string } }>('/v1/models/*', { schema: operations.retrieveModel }, async (request) => {
    const id = request.params['*'];
    const model = models.get(id);
    if (!model) throw apiErrors.modelNotFound(id);
    return toModelObject(model);
  });
}
