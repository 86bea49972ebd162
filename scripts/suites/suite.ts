// What a test suite is to the test runner: a name, what must be built first, and counts at the end.

import type { StepName } from '../build/steps.js';

export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

export interface Suite {
  about: string;
  needs: readonly StepName[];
  /** `filters` are words of the command line that narrow the run; a suite that cannot narrow takes none. */
  run: (filters: readonly string[]) => Promise<Counts>;
}

export const NONE: Counts = { passed: 0, failed: 0, skipped: 0 };

/** One check that either held or not. */
export const checked = (ok: boolean): Counts => ({ passed: ok ? 1 : 0, failed: ok ? 0 : 1, skipped: 0 });

export function sum(counts: readonly Counts[]): Counts {
  const total = { ...NONE };
  for (const { passed, failed, skipped } of counts) {
    total.passed += passed;
    total.failed += failed;
    total.skipped += skipped;
  }
  return total;
}

export const closingLine = ({ passed, failed, skipped }: Counts): string =>
  `${passed} passed, ${failed} failed${skipped ? `, ${skipped} skipped` : ''}`;
