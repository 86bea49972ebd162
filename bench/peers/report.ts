// The results as text for a terminal. Pure.

import { BANDWIDTH_FLOOR, type Ratio, type TaskResult } from './floors.js';
import type { Machine } from './machine.js';
import type { Outcome } from './rounds.js';
import type { Share } from './shares.js';

export interface ModelReport {
  title: string;
  weightBytes: number;
  rereadBandwidth: number;
  peers: readonly { name: string; version: string; details: string }[];
  results: readonly TaskResult[];
  shares: readonly Share[];
}

const giga = (value: number): string => (value / 1e9).toFixed(1);
const percent = (value: number): string => `${(100 * value).toFixed(1)} %`;
const significant = (value: number): string => (value >= 100 ? value.toFixed(0) : value.toPrecision(3));

export function machineText(machine: Machine, llamaCppFlags: readonly string[], rounds: number): string {
  const int8 = machine.int8Rate > 0 ? `, int8 (VNNI) ${giga(machine.int8Rate)}` : '';
  return [
    `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, ${machine.system}, Node ${machine.node}`,
    `${machine.threads} threads: reads ${giga(machine.readBandwidth)} GB/s from memory; 10^9 multiply-adds/s: f32 ${giga(machine.f32Rate)}${int8}`,
    `llama.cpp compiled here: ${llamaCppFlags.join(' ')}, n_ubatch 512`,
    `${rounds} alternating rounds, medians (lowest-highest), tokens/s of all streams; load before the run ${machine.load.toFixed(2)}`,
  ].join('\n');
}

export function modelText(report: ModelReport): string {
  const head = `\n${report.title}: ${(report.weightBytes / 1e6).toFixed(0)} MB read a step; as much, read again and again, comes at ${giga(report.rereadBandwidth)} GB/s`;
  const versions = report.peers.map(({ name, version, details }) => `  ${name}: ${version}, ${details}`);
  const names = report.peers.map(({ name }) => name);
  const rows = report.results.map(({ label, outcomes }) => [
    label,
    ...names.map((name) => cell(outcomes.find(({ peer }) => peer === name))),
  ]);
  return [head, ...versions, table([['tokens/s', ...names], ...rows]), sharesText(report.shares)].join('\n');
}

function cell(outcome: Outcome | undefined): string {
  if (!outcome) return '-';
  if (!outcome.rate) return 'failed';
  const { median, min, max } = outcome.rate;
  const note = outcome.note.replace('flash attention', 'FA');
  return `${significant(median)} (${significant(min)}-${significant(max)})${note ? ` ${note}` : ''}`;
}

function sharesText(shares: readonly Share[]): string {
  return shares
    .map(({ label, ofMemory, ofReread, ofF32, ofInt8 }) =>
      ofMemory !== undefined && ofReread !== undefined
        ? `  ${label}: ${percent(ofMemory)} of the memory's read bandwidth, ${percent(ofReread)} of the rate of reading its weights again and again (floor ${percent(BANDWIDTH_FLOOR)})`
        : `  ${label}: ${percent(ofF32 ?? 0)} of the f32 peak${ofInt8 === undefined ? '' : `, ${percent(ofInt8)} of the int8 peak with one product a weight`}`,
    )
    .join('\n');
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
