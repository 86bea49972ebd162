// Suite `arm64`: the tests of the kernels for CPUs, compiled for 64-bit Arm and run under qemu. They show that its kernels
// are right and that each CPU gets the ones it has instructions for; nothing of their speed.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { capture } from '../build/exec.js';
import { mlxRoot } from '../build/mlx.js';
import { BUILD, ROOT } from '../build/paths.js';
import type { Progress } from '../build/progress.js';
import { type Arm64Tools, findOnPath, requireArm64Tools } from '../build/requirements.js';
import { cmake, compileTests, doctestCounts } from './native.js';
import { type Counts, sum } from './suite.js';

const FOLDER = join(BUILD, 'arm64');
/** They link no MLX: CMake asks for one all the same, and this machine's does. */
const TESTS = 'cpu_kernel_tests';

/** A CPU as qemu names it, and the kernels that must be chosen there. */
interface Cpu {
  name: string;
  isa: string;
}
const OLDER: readonly Cpu[] = [
  { name: 'cortex-a72', isa: 'neon' },
  { name: 'neoverse-n1', isa: 'neon_dotprod' },
];
/** It has all that there is. */
const NEWEST: Cpu = { name: 'max', isa: 'neon_i8mm' };

/** These take many minutes under qemu: they run when they are named. */
const ALL_BUT_SLOW = [
  '--source-file-exclude=*attention_test*',
  '--test-case-exclude=every number of rows*,a row has the same bits*',
];

export async function runArm64(filters: readonly string[]): Promise<Counts> {
  const tools = requireArm64Tools();
  await compileTests('arm64', FOLDER, (progress) => configure(tools.compiler, progress), [TESTS]);
  if (filters.length > 0) {
    return runOn(tools, NEWEST, [`--test-case=${filters.map((word) => `*${word}*`).join(',')}`]);
  }
  const older = OLDER.map((cpu) => runOn(tools, cpu, [...ALL_BUT_SLOW, '--test-case=*instruction set*']));
  return sum(await Promise.all([runOn(tools, NEWEST, ALL_BUT_SLOW), ...older]));
}

/** Statically linked, the tests need no Arm libraries where they run. */
async function configure(compiler: string, progress: Progress): Promise<void> {
  if (existsSync(join(FOLDER, 'CMakeCache.txt'))) return;
  progress.update('configuring');
  const generator = findOnPath('ninja') ? ['-G', 'Ninja'] : [];
  const target = ['-DCMAKE_SYSTEM_NAME=Linux', '-DCMAKE_SYSTEM_PROCESSOR=aarch64', `-DCMAKE_CXX_COMPILER=${compiler}`];
  const parts = ['-DMLXD_TESTS=ON', '-DMLXD_GRAMMARS=OFF', `-DMLX_ROOT=${mlxRoot()}`];
  await cmake(['-S', ROOT, '-B', FOLDER, ...generator, ...target, '-DCMAKE_EXE_LINKER_FLAGS=-static', ...parts]);
}

async function runOn({ emulator }: Arm64Tools, { name, isa }: Cpu, which: readonly string[]): Promise<Counts> {
  const { code, output } = await capture(emulator, ['-cpu', name, join(FOLDER, TESTS), ...which], {
    env: { MLXD_EXPECTED_ISA: isa },
  });
  const counts = doctestCounts(output);
  const failed = code === 0 ? 0 : Math.max(counts.failed, 1);
  console.log(`${name}, kernels ${isa}: ${failed === 0 ? `${counts.passed} passed` : `failed\n${output}`}`);
  // What was not chosen is no test skipped.
  return { passed: counts.passed, failed, skipped: 0 };
}
