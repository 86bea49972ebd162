// Tells on stderr how the preparation and the measurement get on; stdout is for results alone.

import type { Progress } from '../../scripts/build/progress.js';

const LINE_MS = 5_000;

export const say = (line: string): void => console.error(line);

/** Runs one step of the preparation, telling what it does every few seconds. `work` returns the word for what it did. */
export async function prepare(name: string, work: (progress: Progress) => Promise<string>): Promise<void> {
  let next = 0;
  const outcome = await work({
    update(note, fraction) {
      if (performance.now() < next) return;
      next = performance.now() + LINE_MS;
      say(`${name}: ${note}${fraction === undefined ? '' : ` ${Math.floor(100 * Math.min(1, fraction))} %`}`);
    },
  });
  say(`${name}: ${outcome}`);
}
