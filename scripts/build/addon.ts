// Step `addon`: native/ compiled into build/Release/mlxd.node, through cmake-js (which knows Node-API's headers).

import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { BuildError } from './errors.js';
import { capture } from './exec.js';
import { mlxRoot } from './mlx.js';
import { ADDON, BUILD, bin } from './paths.js';
import type { Progress } from './progress.js';
import { requireCompiler } from './requirements.js';
import { clearStamp, hashInputs, isFresh, writeStamp } from './stamps.js';

const OUT = join(BUILD, 'cmake');
const NINJA_STEP = /^\[(\d+)\/(\d+)\]/;
const MAKE_STEP = /^\[ *(\d+)%\]/;

const hashAddon = (): string =>
  hashInputs({ files: ['native', 'CMakeLists.txt', 'node_modules/node-addon-api/package.json'], values: [mlxRoot()] });

export function addonIsFresh(): boolean {
  return isFresh('addon', hashAddon(), [ADDON]);
}

export async function buildAddon(progress: Progress): Promise<string> {
  await requireCompiler();
  const hash = hashAddon();
  clearStamp('addon');
  if (!isConfiguredFor(mlxRoot())) {
    progress.update('configuring');
    rmSync(join(OUT, 'CMakeCache.txt'), { force: true });
    await cmakeJs('configure', () => undefined);
  }
  progress.update('compiling', 0);
  await cmakeJs('build', (line) => {
    const fraction = buildFraction(line);
    if (fraction !== undefined) progress.update('compiling', fraction);
  });
  writeStamp('addon', hash);
  return 'compiled';
}

/** CMake keeps its MLX in its cache: another one, or a new CMake tree, needs a configure first. */
function isConfiguredFor(root: string): boolean {
  const cache = join(OUT, 'CMakeCache.txt');
  return existsSync(cache) && readFileSync(cache, 'utf8').split('\n').includes(`MLX_ROOT:PATH=${root}`);
}

async function cmakeJs(verb: 'configure' | 'build', onLine: (line: string) => void): Promise<void> {
  const { code, output } = await capture(bin('cmake-js'), [verb, '--out', OUT, `--CDMLX_ROOT=${mlxRoot()}`], {
    onLine,
  });
  if (code !== 0) throw new BuildError(`the addon did not ${verb}:\n${output}`);
}

/** How far Ninja (`[3/12]`) or make (`[ 25%]`) says it is, 0 to 1. */
function buildFraction(line: string): number | undefined {
  const ninja = NINJA_STEP.exec(line);
  if (ninja) return Number(ninja[1]) / Number(ninja[2]);
  const make = MAKE_STEP.exec(line);
  return make ? Number(make[1]) / 100 : undefined;
}
