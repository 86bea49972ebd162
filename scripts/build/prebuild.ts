// Makes prebuilds/<platform>-<arch>/ from the built addon: the .node file stripped, and MLX's own files beside it as they are.

import { cpSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { BuildError } from './errors.js';
import { exec } from './exec.js';
import { ADDON, BUILD, bin, ROOT } from './paths.js';

const STAGE = join(BUILD, 'prebuild');
const PREBUILDS = join(ROOT, 'prebuilds');

/** Runs prebuildify over a copy of the built addon. Returns the folder and its size in bytes. */
export async function makePrebuild(): Promise<{ folder: string; bytes: number }> {
  const artifacts = stage();
  rmSync(PREBUILDS, { recursive: true, force: true });
  // The addon is built already. prebuildify would ring node-gyp for it, which empties build/ and wants Node's own headers;
  // it is left the naming, the stripping and the copying.
  const done = ['--node-gyp', 'true'];
  await exec(bin('prebuildify'), [
    ...['--napi', '--strip', '--tag-libc', '--name', 'mlxd', '--artifacts', artifacts, ...done],
    ...['--cwd', STAGE, '--out', ROOT],
  ]);
  const folder = join(PREBUILDS, `${process.platform}-${process.arch}`);
  if (!readdirSync(folder).some((file) => file.endsWith('.node'))) throw new BuildError(`no addon came into ${folder}`);
  return { folder, bytes: folderBytes(folder) };
}

/** Lays out the built files as prebuildify wants them: the addon in build/Release, which it moves away, the rest apart. */
function stage(): string {
  const release = join(STAGE, 'build', 'Release');
  const artifacts = join(STAGE, 'artifacts');
  rmSync(STAGE, { recursive: true, force: true });
  mkdirSync(release, { recursive: true });
  cpSync(ADDON, join(release, basename(ADDON)));
  cpSync(dirname(ADDON), artifacts, {
    recursive: true,
    dereference: true,
    filter: (file) => !file.endsWith('.node'),
  });
  return artifacts;
}

function folderBytes(folder: string): number {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return files.reduce((bytes, file) => bytes + statSync(join(file.parentPath, file.name)).size, 0);
}
