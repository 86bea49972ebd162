// Loads the model of a command, with a progress bar on a terminal.
import type { Settings } from '../config.js';
import { ModelStore } from '../services/model-store.js';
import type { ServedModel } from '../services/types.js';
import { progressBar } from '../terminal/progress-bar.js';

export async function loadForCommand(settings: Settings, signal: AbortSignal): Promise<ServedModel> {
  const { model, models, device, kernels, threads, precision, kvBits, maxSequences, maxQueue, toolFormat } = settings;
  const { memoryLimit, prefixCache, adapter } = settings;
  const bar = progressBar(`loading ${model}`);
  // Here and not above: the tokenizer and the addon take time to start, which help and list need not wait for.
  const { loadModel } = await import('../services/load-model.js');
  try {
    const onProgress = (fraction: number) => bar.update(fraction);
    const numbers = { threads, precision, kvBits, maxSequences, maxQueue };
    const engine = { device, kernels, ...numbers, ...(adapter ? { adapter } : {}) };
    const format = toolFormat === 'auto' ? {} : { toolFormat };
    const memory = {
      ...(memoryLimit === 'auto' ? {} : { memoryLimit }),
      ...(prefixCache === 'auto' ? {} : { prefixCache }),
    };
    const options = { store: new ModelStore(models), ...engine, ...memory, ...format };
    return await loadModel(model, { ...options, signal, onProgress });
  } finally {
    bar.clear();
  }
}
