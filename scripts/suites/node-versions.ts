// Suite `nodes`: one built addon and dist/ on every Node line that package.json allows, on real weights.

import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { capture, exec } from '../build/exec.js';
import { CACHE, CLI, MODEL } from '../build/paths.js';
import { withScratch } from '../build/wheels.js';
import { type Counts, checked, sum } from './suite.js';

const PLATFORM = `${process.platform}-${process.arch}`;
/** By platform, the versions whose binaries the npm registry carries. */
const VERSIONS: Record<string, readonly string[]> = { 'linux-x64': ['22.23.3', '24.9.0'] };
const QUESTION = 'What is the capital of France? Answer in one sentence.';

export async function runNodeVersions(): Promise<Counts> {
  const results: Counts[] = [];
  for (const version of VERSIONS[PLATFORM] ?? []) results.push(checked(await answersOn(version)));
  return sum(results);
}

async function answersOn(version: string): Promise<boolean> {
  const node = await installNode(version);
  const { code, output } = await capture(node, [CLI, 'run', '--model', MODEL, '--temperature', '0', QUESTION]);
  const ok = code === 0 && output.includes('Paris');
  console.log(`node ${version}: ${ok ? 'ok' : `failed with status ${code}\n${output}`}`);
  return ok;
}

/** A Node of that version, from the npm package that carries its binary, kept in the cache. */
async function installNode(version: string): Promise<string> {
  const name = `node-${PLATFORM}`;
  const folder = join(CACHE, 'tools', `${name}-${version}`);
  const node = join(folder, 'node_modules', name, 'bin', 'node');
  if (existsSync(node)) return node;
  await withScratch(`${name}-${version}`, async (scratch) => {
    writeFileSync(join(scratch, 'package.json'), '{ "private": true }');
    await exec('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', `${name}@${version}`], {
      cwd: scratch,
    });
    mkdirSync(dirname(folder), { recursive: true });
    renameSync(scratch, folder);
  });
  return node;
}
