// Numbers for people.

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

/** Decimal units: `98.4 MB`. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit]}`;
}

/** `350 ms`, `1.25 s`. */
export const formatDuration = (ms: number): string =>
  ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;

/** `135 M`, `7.2 B`. */
export function formatCount(count: number): string {
  if (count >= 1e9) return `${(count / 1e9).toFixed(1)} B`;
  if (count >= 1e6) return `${Math.round(count / 1e6)} M`;
  return String(count);
}

/** A share of one, in two digits: `0.46 %`, `0.00064 %`. */
export const formatShare = (share: number): string => `${Number((100 * share).toPrecision(2))} %`;
