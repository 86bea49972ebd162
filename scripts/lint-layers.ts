// Holds native/ to its layers: who may include whom.
// The static libraries of CMakeLists.txt hold the linking to the same.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './build/paths.js';
import { cppFiles } from './suites/clang-format.js';

const LEAVES = ['nn', 'cache', 'kernels', 'mlx'];

/** Each layer with all that it may include beside itself and the standard library. */
const LAYERS: Record<string, readonly string[]> = {
  'engine/core': [],
  'kernels/cpu': [],
  kernels: ['kernels/cpu', 'mlx'],
  cache: ['kernels', 'mlx'],
  nn: ['cache', 'kernels', 'mlx'],
  loader: LEAVES,
  models: ['loader', ...LEAVES],
  sampler: ['engine/core', 'kernels', 'kernels/cpu', 'mlx'],
  grammar: ['engine/core'],
  engine: ['engine/core', 'models', 'sampler', 'grammar', 'loader', ...LEAVES],
  addon: ['engine', 'engine/core', 'grammar', 'napi'],
};

const INCLUDE = /^\s*#\s*include\s*[<"]([^>"]+)[>"]/;

export interface Violation {
  file: string;
  line: number;
  message: string;
}

/** The layer of a path below native/, the longest name first; undefined for what is in none. */
function layerOf(path: string): string | undefined {
  return Object.keys(LAYERS)
    .filter((layer) => path.startsWith(`${layer}/`))
    .sort((a, b) => b.length - a.length)[0];
}

/** The layer that an include names, or undefined for the standard library and other libraries. */
function includedLayer(name: string): string | undefined {
  if (name.startsWith('mlx/')) return 'mlx';
  if (/^(napi|node_api|js_native_api)/.test(name)) return 'napi';
  return layerOf(name);
}

/** Every include of a file that its layer does not allow. `file` is the path below native/. */
export function checkIncludes(file: string, text: string): Violation[] {
  const layer = layerOf(file);
  if (!layer) return [{ file, line: 1, message: `is in no layer; layers: ${Object.keys(LAYERS).join(', ')}` }];
  const allowed = LAYERS[layer] ?? [];
  return text.split('\n').flatMap((source, index) => {
    const target = includedLayer(INCLUDE.exec(source)?.[1] ?? '');
    if (!target || target === layer || allowed.includes(target)) return [];
    return [{ file, line: index + 1, message: `${layer} must not include ${target}` }];
  });
}

/** Checks all of native/; prints what is wrong. True when nothing is. */
export function lintLayers(): boolean {
  const violations = cppFiles()
    .filter((file) => file.startsWith('native/'))
    .flatMap((file) => checkIncludes(file.slice('native/'.length), readFileSync(join(ROOT, file), 'utf8')));
  for (const { file, line, message } of violations) console.error(`native/${file}:${line}: ${message}`);
  return violations.length === 0;
}
