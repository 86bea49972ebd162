// The pinned clang-format, fetched on first use, and the C++ files that it is held to.

import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { passThrough } from '../build/exec.js';
import { CACHE, ROOT } from '../build/paths.js';
import { showProgress } from '../build/progress.js';
import { fetchWheel, unpackWheel, withScratch } from '../build/wheels.js';
import { clangFormatPin } from '../pins.js';

const FOLDERS = ['native', 'test/native', 'bench/native'];
const THIRD_PARTY = /(^|\/)third_party\//;

/** Checks the formatting of all C++ of ours, or corrects it. True when all is well. */
export async function clangFormat(mode: 'check' | 'write'): Promise<boolean> {
  const flags = mode === 'check' ? ['--dry-run', '--Werror'] : ['-i'];
  return (await passThrough(await executable(), [...flags, ...cppFiles()])) === 0;
}

/** The C++ sources, headers and files included in parts of ours, from the root of the checkout. */
export function cppFiles(): string[] {
  return FOLDERS.filter((folder) => existsSync(join(ROOT, folder))).flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .map((file) => `${folder}/${file}`)
      .filter((file) => /\.(cpp|h|inl)$/.test(file) && !THIRD_PARTY.test(file))
      .sort(),
  );
}

/** A clang-format that is not pinned for this platform is taken from PATH: its findings may differ by version. */
async function executable(): Promise<string> {
  const pin = clangFormatPin();
  if (!pin) return 'clang-format';
  const folder = join(CACHE, 'tools', basename(pin.file, '.whl'));
  const program = join(folder, 'clang_format', 'data', 'bin', 'clang-format');
  if (existsSync(program)) return program;
  await showProgress('clang-format', async (progress) => {
    const wheel = await fetchWheel(pin, progress);
    await withScratch('clang-format-unpack', async (scratch) => {
      await unpackWheel(wheel, scratch);
      chmodSync(join(scratch, 'clang_format', 'data', 'bin', 'clang-format'), 0o755);
      mkdirSync(dirname(folder), { recursive: true });
      renameSync(scratch, folder);
    });
    return pin.version;
  });
  return program;
}
