// How cost grows with context and batch, as bars for a terminal. Pure.

import type { TaskResult } from './floors.js';
import type { Section } from './tasks.js';

const WIDTH = 40;
const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/** A bar of `share` of the full width, to an eighth of a character. */
export function bar(share: number): string {
  const eighths = Math.round(Math.min(1, Math.max(0, share)) * WIDTH * 8);
  return '█'.repeat(eighths >> 3) + EIGHTHS[eighths & 7];
}

/** Milliseconds a token, all streams together, of each peer in each task of a section; empty without figures. */
export function costChart(results: readonly TaskResult[], section: Section): string {
  const bars = results
    .filter((result) => result.section === section)
    .flatMap(({ label, outcomes }) =>
      outcomes.flatMap(({ peer, rate }, i) =>
        rate ? [{ label: i ? '' : label, peer, cost: 1000 / rate.median }] : [],
      ),
    );
  if (bars.length === 0) return '';
  const most = Math.max(...bars.map(({ cost }) => cost));
  const wide = (name: 'label' | 'peer') => Math.max(...bars.map((each) => each[name].length));
  const lines = bars.map(
    ({ label, peer, cost }) =>
      `  ${label.padEnd(wide('label'))}  ${peer.padEnd(wide('peer'))}  ${bar(cost / most)} ${cost.toPrecision(3)}`,
  );
  return [`  milliseconds a token by ${section}`, ...lines].join('\n');
}
