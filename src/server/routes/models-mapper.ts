// GET /v1/models: served models to their wire objects. Pure functions.
import type { ModelList, ModelObject } from '../../schemas/models.js';
import type { ServedModel } from '../../services/types.js';

export function toModelObject(model: ServedModel): ModelObject {
  return { id: model.id, object: 'model', created: model.created, owned_by: 'mlxd' };
}

export function toModelList(models: readonly ServedModel[]): ModelList {
  return { object: 'list', data: models.map(toModelObject) };
}
