// "Did you mean ...?": the known name that a mistyped one is closest to. Pure.

/** The nearest of `names` by edit distance, when it is near enough to have been meant. */
export function nearestName(name: string, names: readonly string[]): string | undefined {
  const asked = name.toLowerCase();
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(name.length / 2)) + 1;
  for (const candidate of names) {
    const known = candidate.toLowerCase();
    // A name without its ending is nearly the same.
    const beginning = known.slice(0, asked.length);
    const distance = Math.min(editDistance(asked, known), 1 + editDistance(asked, beginning));
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** Levenshtein's: insertions, deletions and replacements from one word to the other. */
function editDistance(from: string, to: string): number {
  let previous = Array.from({ length: to.length + 1 }, (_, i) => i);
  for (let i = 1; i <= from.length; i++) {
    const row = [i];
    for (let j = 1; j <= to.length; j++) {
      const replaced = (previous[j - 1] as number) + (from[i - 1] === to[j - 1] ? 0 : 1);
      row.push(Math.min(replaced, (previous[j] as number) + 1, (row[j - 1] as number) + 1));
    }
    previous = row;
  }
  return previous[to.length] as number;
}
