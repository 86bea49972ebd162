// Installs the peers, once: a Python environment in the cache, with llama.cpp compiled for this machine.

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import { BuildError } from '../../scripts/build/errors.js';
import { capture, exec } from '../../scripts/build/exec.js';
import { CACHE, ROOT } from '../../scripts/build/paths.js';
import type { Progress } from '../../scripts/build/progress.js';
import { requireCompiler, requirePip } from '../../scripts/build/requirements.js';
import { prepare } from './progress.js';

const HOME = join(CACHE, 'peers');
const VENV = join(HOME, 'venv');
const BUILD = join(HOME, 'llama.cpp-build');
const STAMP = join(HOME, 'installed.json');
const REQUIREMENTS = join(ROOT, 'bench', 'peers', 'requirements.txt');
const AMX_FIX = join(ROOT, 'bench', 'peers', 'amx_tile_config.h');
const NINJA_STEP = /\[(\d+)\/(\d+)\]/;
/** CMake's answers that decide how fast llama.cpp is; they are printed with every result. */
const BUILD_FLAGS = ['GGML_NATIVE', 'GGML_OPENMP_ENABLED', 'GGML_CPU_REPACK', 'GGML_BLAS', 'CMAKE_BUILD_TYPE'] as const;

export interface Peers {
  /** The environment's Python. */
  python: string;
  /** How llama.cpp was configured, `NAME=VALUE`. */
  llamaCppFlags: string[];
}

interface Stamp {
  key: string;
  llamaCppFlags: string[];
}

/** The installed peers. The first call on a machine compiles llama.cpp, which takes some minutes. */
export async function installPeers(): Promise<Peers> {
  const key = installKey();
  const done = readStamp();
  if (done?.key === key) return { python: venvPython(), llamaCppFlags: done.llamaCppFlags };
  let llamaCppFlags: string[] = [];
  await prepare('peers', async (progress) => {
    llamaCppFlags = await install(progress);
    writeFileSync(`${STAMP}.new`, JSON.stringify({ key, llamaCppFlags } satisfies Stamp));
    renameSync(`${STAMP}.new`, STAMP);
    return `llama.cpp (${llamaCppFlags.join(' ')}) and mlx-lm in ${VENV}`;
  });
  return { python: venvPython(), llamaCppFlags };
}

const venvPython = (): string => join(VENV, 'bin', 'python');

/** llama.cpp is compiled for one processor, so another processor needs another build. */
function installKey(): string {
  const hash = createHash('sha256').update(readFileSync(REQUIREMENTS)).update(readFileSync(AMX_FIX));
  return hash.update(`${process.platform} ${process.arch} ${cpus()[0]?.model}`).digest('hex');
}

function readStamp(): Stamp | undefined {
  if (!existsSync(STAMP) || !existsSync(venvPython())) return undefined;
  return JSON.parse(readFileSync(STAMP, 'utf8')) as Stamp;
}

async function install(progress: Progress): Promise<string[]> {
  const python = await requirePip();
  await requireCompiler();
  rmSync(STAMP, { force: true });
  rmSync(VENV, { recursive: true, force: true });
  rmSync(BUILD, { recursive: true, force: true });
  mkdirSync(HOME, { recursive: true });
  await makeVenv(python);
  await pipInstall(progress);
  const flags = readBuildFlags();
  rmSync(BUILD, { recursive: true, force: true });
  return flags;
}

async function makeVenv(python: string): Promise<void> {
  const { code, output } = await capture(python, ['-m', 'venv', VENV]);
  if (code === 0) return;
  throw new BuildError(
    `cannot make a Python environment in ${VENV} (on Debian and Ubuntu: sudo apt-get install python3-venv)\n${output}`,
  );
}

async function pipInstall(progress: Progress): Promise<void> {
  progress.update('fetching packages');
  const args = ['-m', 'pip', 'install', '--verbose', '--disable-pip-version-check', '--progress-bar', 'off'];
  // No cache: pip would else take a wheel that was compiled for another processor or with other flags.
  args.push('--no-cache-dir', '-r', REQUIREMENTS);
  const { code, output } = await capture(venvPython(), args, {
    env: {
      CMAKE_BUILD_PARALLEL_LEVEL: process.env.CMAKE_BUILD_PARALLEL_LEVEL ?? String(availableParallelism()),
      // The vision library is not measured; leaving it out changes nothing else and saves a third of the compile.
      CMAKE_ARGS: '-DLLAVA_BUILD=OFF',
      CXXFLAGS: `-include "${AMX_FIX}"`,
      SKBUILD_BUILD_DIR: BUILD,
    },
    onLine: (line) => {
      const step = NINJA_STEP.exec(line);
      if (step) progress.update('compiling llama.cpp', Number(step[1]) / Number(step[2]));
    },
  });
  if (code === 0) return;
  const lines = output.split('\n');
  const reason = lines.filter((line) => /^\s*(ERROR|error|CMake Error)|: (fatal )?error:/.test(line)).slice(0, 20);
  throw new BuildError(
    `the peers could not be installed:\n${(reason.length > 0 ? reason : lines.slice(-20)).join('\n')}`,
  );
}

/** Reads the flags that CMake settled on; a build that is not for this processor would flatter us, so it is refused. */
function readBuildFlags(): string[] {
  const cache = readFileSync(join(BUILD, 'CMakeCache.txt'), 'utf8');
  const flags = BUILD_FLAGS.map((name) => `${name}=${new RegExp(`^${name}:\\w+=(.*)$`, 'm').exec(cache)?.[1] ?? '?'}`);
  if (!flags.includes('GGML_NATIVE=ON')) {
    throw new BuildError(
      `llama.cpp was not compiled for this processor (${flags.join(' ')}): unset SOURCE_DATE_EPOCH and run again`,
    );
  }
  return flags;
}

/** Runs a script of ours, named from the root of the checkout, in the peers' environment. */
export function runPython(peers: Peers, script: string, args: readonly string[]): Promise<string> {
  return exec(peers.python, ['-B', join(ROOT, script), ...args]);
}
