// `npm test`: builds, runs the suites in order, and ends with one line of totals over all of them.

import { BuildError } from './build/errors.js';
import { ALL_STEPS, build } from './build/steps.js';
import { runArm64 } from './suites/arm64.js';
import { runLint, runTypes } from './suites/lint.js';
import { runNative, runSanitized } from './suites/native.js';
import { runNodeVersions } from './suites/node-versions.js';
import { type Counts, checked, closingLine, NONE, type Suite, sum } from './suites/suite.js';
import { runVitest } from './suites/vitest.js';

const SUITES = {
  lint: { about: 'Biome, clang-format, layers, licences', needs: [], run: runLint },
  types: { about: 'tsc --noEmit', needs: [], run: runTypes },
  native: { about: 'C++ tests (ctest)', needs: ['mlx'], run: runNative },
  unit: {
    about: 'TypeScript tests that need no model',
    needs: ['mlx', 'addon', 'typescript'],
    run: (filters) => runVitest('unit', filters),
  },
  e2e: { about: 'a real server on the default model', needs: ALL_STEPS, run: (filters) => runVitest('e2e', filters) },
  asan: {
    about: 'C++ tests under the address and undefined-behaviour sanitizers',
    needs: ['mlx'],
    run: (filters) => runSanitized('asan', filters),
  },
  tsan: {
    about: 'C++ tests under the thread sanitizer',
    needs: ['mlx'],
    run: (filters) => runSanitized('tsan', filters),
  },
  arm64: { about: 'tests of the CPU kernels for 64-bit Arm, under qemu', needs: ['mlx'], run: runArm64 },
  package: {
    about: 'the packed tarball, installed elsewhere',
    needs: ALL_STEPS,
    run: (filters) => runVitest('package', filters),
  },
  nodes: { about: 'the addon on other lines of Node', needs: ALL_STEPS, run: runNodeVersions },
} satisfies Record<string, Suite>;

type SuiteName = keyof typeof SUITES;

const NAMES = Object.keys(SUITES) as SuiteName[];
const BY_DEFAULT: readonly SuiteName[] = ['lint', 'types', 'native', 'unit', 'e2e'];
const FILTERED: readonly SuiteName[] = ['unit', 'e2e'];

const HELP = `Usage: npm test -- [SUITE]... [FILTER]... [--help]

Suites (without a name: ${BY_DEFAULT.join(', ')}; with a filter alone: ${FILTERED.join(', ')}):
${NAMES.map((name) => `  ${name.padEnd(9)}${SUITES[name].about}`).join('\n')}

A filter is part of a test file's path, or of a C++ test's name.`;

async function main(words: readonly string[]): Promise<void> {
  if (words.includes('--help') || words.includes('-h')) {
    console.log(HELP);
    return;
  }
  const named = NAMES.filter((name) => words.includes(name));
  const filters = words.filter((word) => !(NAMES as string[]).includes(word));
  const suites = named.length > 0 ? named : filters.length > 0 ? FILTERED : BY_DEFAULT;
  const started = performance.now();
  const total = sum(await runSuites(suites, filters));
  console.log(`\nall suites: ${seconds(started)}`);
  console.log(closingLine(total));
  if (total.failed > 0) process.exitCode = 1;
}

/** Without a build there is nothing to test; that one failure is told once. */
async function runSuites(names: readonly SuiteName[], filters: readonly string[]): Promise<Counts[]> {
  const built = await attempt('build', async () => {
    await build(ALL_STEPS.filter((step) => names.some((name) => (SUITES[name] as Suite).needs.includes(step))));
    return NONE;
  });
  if (built.failed > 0) return [built];
  const results: Counts[] = [];
  for (const name of names) results.push(await runSuite(name, filters));
  return results;
}

async function runSuite(name: SuiteName, filters: readonly string[]): Promise<Counts> {
  const suite: Suite = SUITES[name];
  console.log(`\n== ${name}: ${suite.about}`);
  const started = performance.now();
  const counts = await attempt(name, () => suite.run(filters));
  console.log(`-- ${name}: ${closingLine(counts)} (${seconds(started)})`);
  return counts;
}

/** What keeps a suite from running at all is one failure of it, and no reason to skip the others. */
async function attempt(name: string, work: () => Promise<Counts>): Promise<Counts> {
  try {
    return await work();
  } catch (error) {
    console.error(`${name}:`, error instanceof BuildError ? error.message : error);
    return checked(false);
  }
}

const seconds = (started: number): string => `${((performance.now() - started) / 1000).toFixed(1)} s`;

await main(process.argv.slice(2));
