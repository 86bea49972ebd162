// The results as text for a terminal. Pure.

import { costChart } from './chart.js';
import type { Ratio, TaskResult } from './floors.js';
import type { Bandwidth, Machine } from './machine.js';
import type { Outcome } from './rounds.js';
import type { Share } from './shares.js';

export interface ModelReport {
  title: string;
  weightBytes: number;
  bandwidth: Bandwidth;
  peers: readonly { name: string; version: string; details: string }[];
  results: readonly TaskResult[];
  shares: readonly Share[];
}

const giga = (value: number): string => (value / 1e9).toFixed(1);
const percent = (value: number): string => `${(100 * value).toFixed(1)} %`;
const significant = (value: number): string => (value >= 100 ? value.toFixed(0) : value.toPrecision(3));

export function machineText(machine: Machine, llamaCppFlags: readonly string[], rounds: number): string {
  const int8 = machine.int8Rate > 0 ? `, int8 (VNNI) ${giga(machine.int8Rate)}` : '';
  const { cpu, cores, memoryGiB, system, node, threads, load } = machine;
  return [
    `${cpu}, ${cores} cores, ${memoryGiB} GiB, ${system}, Node ${node}, load before the run ${load.toFixed(2)}`,
    `${threads} threads at their peak, 10^9 multiply-adds/s: f32 ${giga(machine.f32Rate)}${int8}`,
    `llama.cpp compiled here: ${llamaCppFlags.join(' ')}, n_ubatch 512`,
    `tokens/s of all streams together: medians of ${rounds} alternating rounds (lowest-highest)`,
  ].join('\n');
}

export function modelText(report: ModelReport): string {
  const megabytes = (report.weightBytes / 1e6).toFixed(0);
  const head =
    `\n${report.title}: ${megabytes} MB of weights read a step; memory reads ${giga(report.bandwidth.memory)} GB/s, ` +
    `as much as the weights, read again and again, ${giga(report.bandwidth.reread)} GB/s`;
  const versions = report.peers.map(({ name, version, details }) => `  ${name}: ${version}, ${details}`);
  const names = report.peers.map(({ name }) => name);
  const rows = report.results.map(({ label, outcomes }) => [
    label,
    ...names.map((name) => cell(outcomes.find(({ peer }) => peer === name))),
  ]);
  const charts = (['context', 'batch'] as const).map((section) => costChart(report.results, section)).filter(Boolean);
  const rates = table([['tokens/s', ...names], ...rows]);
  return [head, ...versions, rates, ...report.shares.map(shareText), ...charts].join('\n');
}

function cell(outcome: Outcome | undefined): string {
  if (!outcome) return '-';
  if (!outcome.rate) return 'failed';
  const { median, min, max } = outcome.rate;
  const note = outcome.note.replace('flash attention', 'FA');
  return `${significant(median)} (${significant(min)}-${significant(max)})${note ? ` ${note}` : ''}`;
}

function shareText({ label, ofMemory, ofReread, floor, ofF32, ofInt8 }: Share): string {
  const parts: string[] = [];
  if (ofMemory !== undefined) {
    const beside = floor === undefined ? '' : ` (floor ${percent(floor)}: ${ofMemory >= floor ? 'met' : 'missed'})`;
    parts.push(`${percent(ofMemory)} of the memory's read bandwidth${beside}`);
  }
  if (ofReread !== undefined) parts.push(`${percent(ofReread)} of that of reading its weights again and again`);
  if (ofF32 !== undefined) parts.push(`${percent(ofF32)} of the f32 peak`);
  if (ofInt8 !== undefined) parts.push(`${percent(ofInt8)} of the int8 peak at one product a weight`);
  return `  ${label}: ${parts.join(', ')}`;
}

export function ratiosText(list: readonly Ratio[]): string {
  const rows = list.map(({ model, label, against, ratio, floor, aim, met }) => [
    model,
    label,
    against,
    `${ratio.toFixed(2)}x`,
    `${floor}x`,
    aim === undefined ? '' : `${aim}x`,
    met ? 'met' : 'missed',
  ]);
  return `\n${table([['model', 'measure', 'mlxd against', 'ratio', 'floor', 'aim', ''], ...rows])}`;
}

/** Columns as wide as their widest cell, two spaces between. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  return rows
    .map((row) =>
      row
        .map((text, column) => text.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
