// Suites `lint` and `types`: everything that is checked without running the product.

import { passThrough } from '../build/exec.js';
import { bin } from '../build/paths.js';
import { checkNotices } from '../check-notices.js';
import { lintLayers } from '../lint-layers.js';
import { clangFormat } from './clang-format.js';
import { type Counts, checked, sum } from './suite.js';

export async function runLint(): Promise<Counts> {
  const results = [
    checked((await passThrough(bin('biome'), ['check', '--error-on-warnings'])) === 0),
    checked(await clangFormat('check')),
    checked(lintLayers()),
    checked(checkNotices()),
  ];
  return sum(results);
}

export async function runTypes(): Promise<Counts> {
  return checked((await passThrough(bin('tsc'), ['--noEmit', '-p', '.'])) === 0);
}
