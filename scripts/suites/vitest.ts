// Suites `unit`, `e2e` and `package`: Vitest's projects, counted from its JSON report.

import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { passThrough } from '../build/exec.js';
import { BUILD, bin } from '../build/paths.js';
import { type Counts, NONE } from './suite.js';

interface Report {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
  numTodoTests: number;
  testResults: { status: string; assertionResults: { status: string }[] }[];
}

export async function runVitest(project: 'unit' | 'e2e' | 'package', filters: readonly string[]): Promise<Counts> {
  const file = join(BUILD, 'reports', `${project}.json`);
  rmSync(file, { force: true });
  const status = await passThrough(bin('vitest'), [
    ...['run', '--project', project, '--reporter=default', '--reporter=json', `--outputFile.json=${file}`],
    ...(filters.length > 0 ? ['--passWithNoTests', ...filters] : []),
  ]);
  const counts = existsSync(file) ? count(JSON.parse(readFileSync(file, 'utf8')) as Report) : NONE;
  // An error outside of any test fails the run without failing a test.
  return status !== 0 && counts.failed === 0 ? { ...counts, failed: 1 } : counts;
}

function count(report: Report): Counts {
  // A file that does not even load has failed and holds no test that could say so.
  const broken = report.testResults.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
  );
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + broken.length,
    skipped: report.numPendingTests + report.numTodoTests,
  };
}
