// Tells whether a step's inputs are the ones it last ran on. By content, so that a checkout back and forth builds nothing.

import { createHash, type Hash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { BUILD, ROOT } from './paths.js';

export interface Inputs {
  /** Files and folders (whole), from the root of the checkout. */
  files: readonly string[];
  /** Anything else that decides the result. */
  values?: readonly string[];
}

/** One hash over the inputs; a file that is missing counts as such. */
export function hashInputs({ files, values = [] }: Inputs): string {
  const hash = createHash('sha256');
  for (const file of files) addPath(hash, join(ROOT, file));
  hash.update(JSON.stringify([process.platform, process.arch, ...values]));
  return hash.digest('hex');
}

function addPath(hash: Hash, path: string): void {
  hash.update(`${relative(ROOT, path)}\0`);
  if (!existsSync(path)) return;
  if (statSync(path).isDirectory()) {
    for (const entry of readdirSync(path).sort()) addPath(hash, join(path, entry));
  } else {
    hash.update(readFileSync(path));
  }
}

const stampFile = (step: string): string => join(BUILD, 'stamps', step);

/** True when the step last succeeded on inputs of this hash and all it made is still there. */
export function isFresh(step: string, hash: string, outputs: readonly string[]): boolean {
  const file = stampFile(step);
  return existsSync(file) && readFileSync(file, 'utf8') === hash && outputs.every((output) => existsSync(output));
}

/** Takes the stamp away before the step runs, so that a step cut short runs again. */
export function clearStamp(step: string): void {
  rmSync(stampFile(step), { force: true });
}

export function writeStamp(step: string, hash: string): void {
  mkdirSync(join(BUILD, 'stamps'), { recursive: true });
  writeFileSync(stampFile(step), hash);
}
