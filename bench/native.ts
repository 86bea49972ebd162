// Builds a program of bench/native in the addon's own CMake tree.
import { join } from 'node:path';
import { configureAddon, OUT } from '../scripts/build/addon.js';
import { exec } from '../scripts/build/exec.js';
import { withLock } from '../scripts/build/lock.js';
import { requireCompiler } from '../scripts/build/requirements.js';
import { prepare } from './peers/progress.js';

/** The path of the program, built if need be. */
export async function buildNative(name: string): Promise<string> {
  await requireCompiler();
  await withLock('cmake', () =>
    prepare(name, async (progress) => {
      await configureAddon(progress);
      await exec('cmake', ['-DMLXD_BENCH=ON', OUT]);
      await exec('cmake', ['--build', OUT, '--target', name, '--parallel']);
      return 'built';
    }),
  );
  return join(OUT, name);
}
