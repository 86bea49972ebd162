// From a model's name to a model that answers: finds it in the store and opens it on an engine.
import type { Kernels, KvBits, Precision } from '../engine/types.js';
import type { ToolCallFormatName } from '../text/tool-calls/formats.js';
import { ModelStore } from './model-store.js';
import { openModel } from './served-model.js';
import type { ModelCatalog, ServedModel } from './types.js';

export interface LoadModelOptions {
  store?: ModelStore;
  /** The folder of a LoRA adapter for the model, in mlx-lm's format. */
  adapter?: string;
  device?: 'auto' | 'cpu' | 'gpu';
  /** On a CPU: ours, or MLX's to compare with. Default: auto. */
  kernels?: Kernels;
  /** Of the CPU kernels; 0 is one a physical core. */
  threads?: number;
  /** Of the CPU kernels; default: balanced. */
  precision?: Precision;
  /** Of a number of keys and values in the CPU kernels' caches; default: 16. */
  kvBits?: KvBits;
  /** Sequences that are computed together; default: 32. */
  maxSequences?: number;
  /** Requests that wait beside those, more are refused; default: 128. */
  maxQueue?: number;
  /** How the model writes tool calls; default: as its chat template says. */
  toolFormat?: ToolCallFormatName;
  /** Bytes for weights, prompts and replies; default: what the machine can spare. */
  memoryLimit?: number;
  /** Bytes of these for prompts that may come again; default: a quarter of what the weights leave. */
  prefixCache?: number;
  /** Called with the loaded fraction, from 0 to 1. */
  onProgress?: (fraction: number) => void;
  /** Aborting it ends the load. */
  signal?: AbortSignal;
}

/** Throws ModelNotFoundError, ModelFolderError, TokenizerError, EngineError, and the signal's reason when it is aborted. */
export async function loadModel(nameOrPath: string, options: LoadModelOptions = {}): Promise<ServedModel> {
  const { store = new ModelStore(), device, kernels, threads, precision, kvBits, onProgress, signal } = options;
  const { maxSequences, maxQueue, memoryLimit, prefixCache, toolFormat, adapter } = options;
  const { name, folder } = await store.find(nameOrPath);
  return openModel({
    id: name,
    folder,
    ...(adapter === undefined ? {} : { adapter }),
    ...(device ? { device } : {}),
    ...(kernels ? { kernels } : {}),
    ...(threads ? { threads } : {}),
    ...(precision ? { precision } : {}),
    ...(kvBits ? { kvBits } : {}),
    ...(maxSequences === undefined ? {} : { maxSequences }),
    ...(maxQueue === undefined ? {} : { maxQueue }),
    ...(toolFormat ? { toolFormat } : {}),
    ...(memoryLimit === undefined ? {} : { memoryLimit }),
    ...(prefixCache === undefined ? {} : { prefixCache }),
    ...(onProgress ? { onProgress } : {}),
    ...(signal ? { signal } : {}),
  });
}

/** A catalog of one. */
export const catalogOf = (model: ServedModel): ModelCatalog => ({
  list: () => [model],
  get: (id) => (id === model.id ? model : undefined),
});
