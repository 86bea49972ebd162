// Step `mlx`: Apple's MLX library for this machine, from its pinned wheel, as the folder that CMake reads (MLX_ROOT).

import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { mlxPin, type WheelPin } from '../pins.js';
import { BuildError } from './errors.js';
import { CACHE } from './paths.js';
import type { Progress } from './progress.js';
import { fetchWheel, unpackWheel, withScratch } from './wheels.js';

const CONFIG = join('share', 'cmake', 'MLX', 'MLXConfig.cmake');

/** The folder with MLX's include, lib and share: MLX_ROOT when that is set, else where the pinned wheel is unpacked. */
export function mlxRoot(): string {
  const given = process.env.MLX_ROOT;
  return given ? resolve(given) : join(unpackedFolder(pinOrThrow()), 'mlx');
}

export function mlxIsFresh(): boolean {
  return existsSync(join(mlxRoot(), CONFIG));
}

export async function installMlx(progress: Progress): Promise<string> {
  if (process.env.MLX_ROOT) {
    throw new BuildError(
      `MLX_ROOT is ${mlxRoot()}, which holds no ${CONFIG}. Correct it, or unset it to use the pinned MLX`,
    );
  }
  const pin = pinOrThrow();
  const wheel = await fetchWheel(pin, progress);
  progress.update('unpacking');
  await withScratch('mlx-unpack', async (folder) => {
    await unpackWheel(wheel, folder);
    mkdirSync(dirname(unpackedFolder(pin)), { recursive: true });
    renameSync(folder, unpackedFolder(pin));
  });
  return `${pin.package} ${pin.version} in ${mlxRoot()}`;
}

const unpackedFolder = (pin: WheelPin): string => join(CACHE, 'mlx', basename(pin.file, '.whl'));

function pinOrThrow(): WheelPin {
  const pin = mlxPin();
  if (pin) return pin;
  throw new BuildError(
    `There is no MLX wheel for ${process.platform} ${process.arch}: Linux x64 and arm64 and macOS 14 or newer on Apple silicon have one. Set MLX_ROOT to an MLX of your own`,
  );
}
