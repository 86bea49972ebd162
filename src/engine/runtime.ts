// What an engine would compute with here: the addon, MLX, a GPU. Loads no model.
import { addonPath, loadBinding } from '../native/binding.js';
import { NativeLoadError } from '../native/load-failure.js';

export type Runtime =
  | { loads: true; addonPath: string; mlxVersion: string; gpu: boolean; grammars: boolean }
  /** `reason` in a few words, `fix` is what the user can do. */
  | { loads: false; reason: string; fix: string };

export function probeRuntime(): Runtime {
  try {
    return { loads: true, ...loadBinding().runtime(), addonPath: addonPath() ?? '' };
  } catch (error) {
    if (error instanceof NativeLoadError) return { loads: false, reason: error.reason, fix: error.fix };
    throw error;
  }
}
