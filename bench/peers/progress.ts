// Tells on stderr how the preparation and the measurement get on; stdout is for results alone.

import type { Progress } from '../../scripts/build/progress.js';

const LINE_MS = 5_000;

export const say = (line: string): void => console.error(line);

/** Runs a step of the preparation and tells every few seconds what it does. `work` returns the word for what it did. */
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
