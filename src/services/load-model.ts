// From a model's name to a model that answers: finds it in the store and opens it on an engine.
import { ModelStore } from './model-store.js';
import { type OpenModelOptions, openModel } from './served-model.js';
import type { ModelCatalog, ServedModel } from './types.js';

export interface LoadModelOptions extends Omit<OpenModelOptions, 'id' | 'folder'> {
  /** Where models are found by name. */
  store?: ModelStore;
}

/** Throws ModelNotFoundError, ModelFolderError, TokenizerError, EngineError, and the signal's reason when it is aborted. */
export async function loadModel(nameOrPath: string, options: LoadModelOptions = {}): Promise<ServedModel> {
  const { store = new ModelStore(), ...rest } = options;
  const { name, folder } = await store.find(nameOrPath);
  return openModel({ ...rest, id: name, folder });
}

/** A catalog of one. */
export const catalogOf = (model: ServedModel): ModelCatalog => ({
  list: () => [model],
  get: (id) => (id === model.id ? model : undefined),
});
