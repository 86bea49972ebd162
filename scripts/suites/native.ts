// Suites `native`, `asan` and `tsan`: the C++ tests, as they are and under the sanitizers.

import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { configureAddon, OUT } from '../build/addon.js';
import { BuildError } from '../build/errors.js';
import { capture, passThrough } from '../build/exec.js';
import { buildFraction } from '../build/fraction.js';
import { withLock } from '../build/lock.js';
import { mlxRoot } from '../build/mlx.js';
import { BUILD, ROOT } from '../build/paths.js';
import { type Progress, showProgress } from '../build/progress.js';
import { findOnPath, requireCompiler } from '../build/requirements.js';
import { checkFamilyTable } from '../family-table.js';
import { type Counts, checked, NONE, sum } from './suite.js';

type Configure = (progress: Progress) => Promise<void>;

const DOCTEST_SUMMARY = /test cases:\s*\d+ \|\s*(\d+) passed \|\s*(\d+) failed \|\s*(\d+) skipped/;

/** Builds and runs the C++ tests in the addon's own CMake tree, so that nothing is compiled twice. */
export async function runNative(filters: readonly string[]): Promise<Counts> {
  const counts = await buildAndTest('native', OUT, filters, configureAddon);
  return counts.failed > 0 ? counts : sum([counts, checked(checkFamilyTable())]);
}

/** The same in a tree of its own, with every layer compiled for the sanitizers. */
export function runSanitized(name: 'asan' | 'tsan', filters: readonly string[]): Promise<Counts> {
  const folder = join(BUILD, name);
  const sanitizers = name === 'asan' ? 'address,undefined' : 'thread';
  process.env.TSAN_OPTIONS = `suppressions=${join(ROOT, 'test', 'native', 'tsan.supp')}`;
  return buildAndTest(name, folder, filters, async (progress) => {
    if (existsSync(join(folder, 'CMakeCache.txt'))) return;
    progress.update('configuring');
    const generator = findOnPath('ninja') ? ['-G', 'Ninja'] : [];
    const flags = ['-DCMAKE_BUILD_TYPE=Debug', '-DMLXD_TESTS=ON', `-DMLXD_SANITIZE=${sanitizers}`];
    await cmake(['-S', ROOT, '-B', folder, ...generator, ...flags, `-DMLX_ROOT=${mlxRoot()}`]);
  });
}

async function buildAndTest(
  name: string,
  folder: string,
  filters: readonly string[],
  configure: Configure,
): Promise<Counts> {
  await compileTests(name, folder, configure);
  return runTests(name, folder, filters);
}

/** Compiles the tests in the CMake tree that `configure` writes: all of them, or those targets. */
export async function compileTests(
  name: string,
  folder: string,
  configure: Configure,
  targets: readonly string[] = ['all'],
): Promise<void> {
  await requireCompiler();
  const compile = async (progress: Progress): Promise<string> => {
    await configure(progress);
    progress.update('compiling', 0);
    await cmake(['--build', folder, '--parallel', '--target', ...targets], (line) => {
      const fraction = buildFraction(line);
      if (fraction !== undefined) progress.update('compiling', fraction);
    });
    return 'compiled';
  };
  await withLock(basename(folder), () => showProgress(`${name} build`, compile));
}

export async function cmake(args: readonly string[], onLine?: (line: string) => void): Promise<void> {
  const { code, output } = await capture('cmake', args, onLine ? { onLine } : {});
  if (code !== 0) throw new BuildError(`the C++ tests did not build:\n${output}`);
}

async function runTests(name: string, folder: string, filters: readonly string[]): Promise<Counts> {
  const report = join(BUILD, 'reports', `${name}.xml`);
  mkdirSync(join(BUILD, 'reports'), { recursive: true });
  const narrowed = filters.length > 0 ? ['-R', filters.join('|')] : ['--no-tests=error'];
  const status = await passThrough('ctest', [
    ...['--test-dir', folder, '--output-on-failure', '--parallel', '2', '--timeout', '300'],
    ...['--output-junit', report, ...narrowed],
  ]);
  const counts = sum(readReport(report));
  return status !== 0 && counts.failed === 0 ? { ...counts, failed: 1 } : counts;
}

/** The doctest cases of each executable, which ctest itself counts as one; one that died without a summary failed. */
function readReport(file: string): Counts[] {
  if (!existsSync(file)) return [];
  return [...readFileSync(file, 'utf8').matchAll(/<testcase [^>]*status="(\w+)"[\s\S]*?<\/testcase>/g)].map(
    ([text, status]) => {
      const counts = doctestCounts(text);
      return status === 'fail' && counts.failed === 0 ? { ...NONE, passed: counts.passed, failed: 1 } : counts;
    },
  );
}

/** What an executable printed of its test cases; nothing if it died before. */
export function doctestCounts(output: string): Counts {
  const [, passed, failed, skipped] = DOCTEST_SUMMARY.exec(output) ?? [];
  return { passed: Number(passed ?? 0), failed: Number(failed ?? 0), skipped: Number(skipped ?? 0) };
}
