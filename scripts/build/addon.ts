// Step `addon`: native/ compiled into build/Release/mlxd.node, through cmake-js (which knows Node-API's headers).

import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { BuildError } from './errors.js';
import { capture } from './exec.js';
import { buildFraction } from './fraction.js';
import { mlxRoot } from './mlx.js';
import { ADDON, BUILD, bin } from './paths.js';
import type { Progress } from './progress.js';
import { findCargo, requireCompiler } from './requirements.js';
import { clearStamp, hashInputs, isFresh, writeStamp } from './stamps.js';

/** The CMake tree of the addon and of the plain C++ tests. */
export const OUT = join(BUILD, 'cmake');

const hashAddon = (): string =>
  hashInputs({
    files: ['native', 'CMakeLists.txt', 'node_modules/node-addon-api/package.json'],
    values: [mlxRoot(), grammars()],
  });

/** Whether the addon gets structured output, as CMake has it. */
const grammars = (): 'ON' | 'OFF' => (findCargo() === undefined ? 'OFF' : 'ON');

export function addonIsFresh(): boolean {
  return isFresh('addon', hashAddon(), [ADDON]);
}

export async function buildAddon(progress: Progress): Promise<string> {
  await requireCompiler();
  const hash = hashAddon();
  clearStamp('addon');
  await configureAddon(progress);
  progress.update('compiling', 0);
  await cmakeJs(['build', '--target', 'mlxd'], (line) => {
    const fraction = buildFraction(line);
    if (fraction !== undefined) progress.update('compiling', fraction);
  });
  writeStamp('addon', hash);
  return 'compiled';
}

/** Writes the CMake tree unless it is there for this MLX: CMake keeps its settings and would not see another one. */
export async function configureAddon(progress: Progress): Promise<void> {
  const settings = { MLX_ROOT: mlxRoot(), MLXD_TESTS: 'ON', MLXD_GRAMMARS: grammars() };
  const cache = join(OUT, 'CMakeCache.txt');
  const kept = existsSync(cache) ? readFileSync(cache, 'utf8') : '';
  if (
    Object.entries(settings).every(([name, value]) => new RegExp(`^${name}:\\w+=(.*)$`, 'm').exec(kept)?.[1] === value)
  ) {
    return;
  }
  progress.update('configuring');
  rmSync(cache, { force: true });
  const flags = Object.entries(settings).map(([name, value]) => `--CD${name}=${value}`);
  await cmakeJs(['configure', ...flags], () => undefined);
}

async function cmakeJs(args: readonly string[], onLine: (line: string) => void): Promise<void> {
  const { code, output } = await capture(bin('cmake-js'), [...args, '--out', OUT], { onLine });
  if (code !== 0) throw new BuildError(`the addon did not build:\n${output}`);
}
