// The model that a request names. Throws ApiError when there is none of that name, or it cannot answer yet.
import { apiErrors } from '../../schemas/openai-errors.js';
import type { ModelCatalog, ServedModel } from '../../services/types.js';

export function readyModel(models: ModelCatalog, id: string): ServedModel {
  const model = models.get(id);
  if (!model) throw apiErrors.modelNotFound(id);
  if (model.stats().state === 'loading') throw apiErrors.modelLoading();
  return model;
}
