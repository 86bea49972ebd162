// Compiles a C source of this folder for this very machine, once.

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { BuildError } from '../../scripts/build/errors.js';
import { exec } from '../../scripts/build/exec.js';
import { CACHE, ROOT } from '../../scripts/build/paths.js';
import { findOnPath } from '../../scripts/build/requirements.js';

/** The path of what `name`.c compiles to, as a program or, with `-shared`, a library. */
export async function compileC(name: string, ...flags: string[]): Promise<string> {
  const compiler = findOnPath(...(process.env.CC ? [process.env.CC] : []), 'cc', 'gcc', 'clang');
  if (!compiler) throw new BuildError('A C compiler is missing: no cc, gcc or clang on PATH (it comes with g++)');
  const source = join(ROOT, 'bench', 'peers', `${name}.c`);
  const key = createHash('sha256').update(readFileSync(source)).update(`${flags} ${cpus()[0]?.model}`).digest('hex');
  const folder = join(CACHE, 'peers');
  const output = join(folder, `${name}-${key.slice(0, 12)}`);
  if (existsSync(output)) return output;
  mkdirSync(folder, { recursive: true });
  await exec(compiler, ['-O3', '-march=native', source, '-o', `${output}.new`, ...flags]);
  renameSync(`${output}.new`, output);
  return output;
}
