// Keeps the table of families in docs/models.md equal to what the golden tests of native/ found.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BUILD, ROOT } from './build/paths.js';

const REPORT = join(BUILD, 'reports', 'families.json');
const PAGE = join(ROOT, 'docs', 'models.md');
const TABLE = /(?<=<!-- families -->\n)[\s\S]*?(?=<!-- end of families -->)/;
const CHECKS = ['prefill', 'chunks', 'decode', 'batch', 'prefix'] as const;

/** What test/native/models/family_report.h writes of one fixture. */
export interface FixtureReport {
  fixture: string;
  family: string;
  /** Kinds of quantization, such as "affine 4"; none for a dense model. */
  weights: string[];
  window: boolean;
  /** Largest difference to mlx-lm's logits, as a part of the largest of them. */
  errors: Record<(typeof CHECKS)[number], number>;
}

const largest = (reports: readonly FixtureReport[], checks: readonly (typeof CHECKS)[number][]): string =>
  reports.length === 0
    ? '-'
    : Math.max(...reports.flatMap((report) => checks.map((check) => report.errors[check]))).toExponential(0);

function row(family: string, reports: readonly FixtureReport[]): string {
  const quantized = reports.filter((report) => report.weights.length > 0);
  const bits = new Set(quantized.flatMap((report) => report.weights.filter((name) => name.startsWith('affine'))));
  const modes = new Set(quantized.flatMap((report) => report.weights.filter((name) => !name.startsWith('affine'))));
  const cells = [
    family,
    largest(
      reports.filter((report) => report.weights.length === 0),
      CHECKS,
    ),
    [...bits]
      .map((name) => name.replace('affine ', ''))
      .sort()
      .join(', ') || '-',
    [...modes].sort().join(', ') || '-',
    largest(quantized, CHECKS),
    largest(reports, ['chunks', 'decode']),
    largest(reports, ['batch']),
    largest(reports, ['prefix']),
    reports.some((report) => report.window) ? 'yes' : '-',
  ];
  return `| ${cells.join(' | ')} |`;
}

/** The table of docs/models.md, a row for each `model_type`. */
export function familyTable(reports: readonly FixtureReport[]): string {
  const families = [...new Set(reports.map((report) => report.family))].sort();
  return [
    '| `model_type` | dense | affine bits | other modes | quantized | chunks | batch | prefix | window |',
    '| --- | --- | --- | --- | --- | --- | --- | --- | --- |',
    ...families.map((family) =>
      row(
        family,
        reports.filter((report) => report.family === family),
      ),
    ),
    '',
  ].join('\n');
}

const withoutErrors = (table: string | undefined): string | undefined => table?.replaceAll(/\de[+-]\d+/g, 'E');

/** True when the page has the rows of the last run of the golden tests; errors differ between machines. */
export function checkFamilyTable(): boolean {
  if (!existsSync(REPORT)) return true;
  const expected = familyTable(JSON.parse(readFileSync(REPORT, 'utf8')) as FixtureReport[]);
  const actual = TABLE.exec(readFileSync(PAGE, 'utf8'))?.[0];
  if (withoutErrors(actual) === withoutErrors(expected)) return true;
  console.error(
    'docs/models.md: its table of families is not what the model tests found; run: npx tsx scripts/family-table.ts',
  );
  return false;
}

if (import.meta.filename === process.argv[1]) {
  const table = familyTable(JSON.parse(readFileSync(REPORT, 'utf8')) as FixtureReport[]);
  writeFileSync(PAGE, readFileSync(PAGE, 'utf8').replace(TABLE, table));
}
