// The figures as a table or as JSON.
import { formatBytes, formatDuration } from '../../src/terminal/format.js';
import { formatTable } from '../../src/terminal/table.js';
import { type Summary, summarize } from '../peers/stats.js';
import type { Sample } from './measure.js';

export interface Side {
  samples: Sample[];
  /** In this process: until the model is loaded. Over HTTP: from the start of the process to its word that it listens. */
  loadMs: number;
  rssBytes: number;
}

export interface Facts {
  model: string;
  device: string;
  mlxVersion: string;
  machine: string;
  node: string;
  promptTokens: number;
  outputTokens: number;
  rounds: number;
}

export interface SideReport {
  prefill: Summary;
  decode: Summary;
  ttftMs: Summary;
  loadMs: number;
  rssBytes: number;
}

export interface Report extends Facts {
  inProcess: SideReport;
  http: SideReport;
  /** HTTP over in-process. Speeds: 1 means that serving costs nothing. */
  ratio: { prefill: number; decode: number; ttft: number };
}

export function makeReport(facts: Facts, inProcess: Side, http: Side): Report {
  const [inside, served] = [summarizeSide(inProcess), summarizeSide(http)];
  return {
    ...facts,
    inProcess: inside,
    http: served,
    ratio: {
      prefill: served.prefill.median / inside.prefill.median,
      decode: served.decode.median / inside.decode.median,
      ttft: served.ttftMs.median / inside.ttftMs.median,
    },
  };
}

const summarizeSide = ({ samples, loadMs, rssBytes }: Side): SideReport => ({
  prefill: summarize(samples.map((sample) => sample.prefill)),
  decode: summarize(samples.map((sample) => sample.decode)),
  ttftMs: summarize(samples.map((sample) => sample.ttftMs)),
  loadMs,
  rssBytes,
});

export function formatReport(report: Report): string {
  const { inProcess, http, ratio, promptTokens, outputTokens, rounds } = report;
  const speed = ({ median, min, max }: Summary): string =>
    `${median.toFixed(1)} (${min.toFixed(1)}..${max.toFixed(1)})`;
  const rows = [
    ['', 'in process', 'over HTTP', 'ratio'],
    ['prefill, tokens/s', speed(inProcess.prefill), speed(http.prefill), ratio.prefill.toFixed(3)],
    ['decode, tokens/s', speed(inProcess.decode), speed(http.decode), ratio.decode.toFixed(3)],
    ['TTFT', formatDuration(inProcess.ttftMs.median), formatDuration(http.ttftMs.median), ratio.ttft.toFixed(3)],
    ['load', formatDuration(inProcess.loadMs), formatDuration(http.loadMs), ''],
    ['RSS', formatBytes(inProcess.rssBytes), formatBytes(http.rssBytes), ''],
  ];
  return [
    `${report.model} on the ${report.device.toUpperCase()}, MLX ${report.mlxVersion}, Node ${report.node}, ${report.machine}`,
    `${promptTokens} prompt tokens, ${outputTokens} output tokens, greedy, one request at a time, ${rounds} alternating rounds:`,
    'median (least..most). Every prompt is a new one, so nothing of it can come from a cache.',
    '  prefill  prompt tokens / time to the first text, tokenizing and template included',
    '  decode   tokens after the first / time from the first text to the end',
    '  load     in process: until the model is loaded; over HTTP: from the start of the process to "mlxd listening"',
    '  RSS      of the process after the last round; in process that holds this program and its compiler too',
    '',
    ...formatTable(rows, [1, 2, 3]),
  ].join('\n');
}
