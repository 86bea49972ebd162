// A model as an engine would load it, from its files' headers: every check of a load, and no weights.
import { loadBinding } from '../native/binding.js';
import { toNativeOptions } from './native-values.js';
import { EngineError, type EngineOptions, type ModelOutline } from './types.js';

/**
 * `context` positions, clipped to the model's; all of them by default. Blocks for milliseconds. Throws EngineError
 * `model_load_failed` for a model that cannot be loaded, and NativeLoadError.
 */
export function inspectModel(options: EngineOptions, context = 0): ModelOutline {
  const { inspectModel } = loadBinding();
  try {
    return inspectModel(toNativeOptions(options), context);
  } catch (error) {
    throw new EngineError('model_load_failed', (error as Error).message);
  }
}
