// A bar that is rewritten in place, on a terminal only.
import type { Terminal } from './style.js';

export interface ProgressBar {
  /** From 0 to 1. */
  update(fraction: number): void;
  /** Takes the bar off the screen. */
  clear(): void;
}

export interface ProgressStream extends Terminal {
  columns?: number;
  write(text: string): unknown;
}

const WIDTH = 30;
const MIN_COLUMNS = 20;

export function progressBar(label: string, stream: ProgressStream = process.stderr): ProgressBar {
  if (!stream.isTTY) return { update: () => {}, clear: () => {} };
  let drawn = -1;
  return {
    update(fraction) {
      const percent = Math.floor(100 * Math.min(1, Math.max(0, fraction)));
      if (percent === drawn) return;
      drawn = percent;
      const filled = Math.round((WIDTH * percent) / 100);
      const line = `${label} ${'█'.repeat(filled)}${'░'.repeat(WIDTH - filled)} ${percent} %`;
      // A line that wraps could not be taken off again.
      stream.write(`\r\x1b[2K${line.slice(0, Math.max(MIN_COLUMNS, stream.columns ?? 80) - 1)}`);
    },
    clear() {
      if (drawn >= 0) stream.write('\r\x1b[2K');
      drawn = -1;
    },
  };
}
