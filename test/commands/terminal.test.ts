// What is written for people: bars, tables, colours, numbers.
import { expect, it } from 'vitest';
import { formatBytes, formatDuration, formatShare } from '../../src/terminal/format.js';
import { progressBar } from '../../src/terminal/progress-bar.js';
import { styleFor } from '../../src/terminal/style.js';
import { formatTable } from '../../src/terminal/table.js';

const stream = (isTTY: boolean, columns = 80) => {
  const writes: string[] = [];
  return { isTTY, columns, writes, write: (text: string) => writes.push(text) };
};

it('a bar is drawn once a percent, fits its line, and goes away', () => {
  const terminal = stream(true, 30);
  const bar = progressBar('importing', terminal);
  for (let i = 0; i <= 1000; i++) bar.update(i / 1000);
  expect(terminal.writes).toHaveLength(101);
  expect(terminal.writes.every((write) => write.replace('\r\x1b[2K', '').length < 30)).toBe(true);
  bar.clear();
  bar.clear();
  expect(terminal.writes.slice(101)).toEqual(['\r\x1b[2K']);
});

it('a bar is not drawn where there is no terminal', () => {
  const file = stream(false);
  const bar = progressBar('importing', file);
  bar.update(0.5);
  bar.clear();
  expect(file.writes).toEqual([]);
});

it('colours are for terminals that want them', () => {
  expect(styleFor({ isTTY: true }, {}).red('x')).toBe('\x1b[31mx\x1b[39m');
  expect(styleFor({ isTTY: true }, { NO_COLOR: '1' }).red('x')).toBe('x');
  expect(styleFor({ isTTY: true }, { TERM: 'dumb' }).red('x')).toBe('x');
  expect(styleFor({ isTTY: false }, {}).red('x')).toBe('x');
});

it('a table has columns as wide as they must be', () => {
  expect(
    formatTable(
      [
        ['NAME', 'SIZE'],
        ['a', '1'],
        ['longer', '23'],
      ],
      [1],
    ),
  ).toEqual(['NAME    SIZE', 'a          1', 'longer    23']);
  expect(formatTable([])).toEqual([]);
});

it('numbers have units', () => {
  expect([0, 999, 98_355_912, 4.2e9, 5e15].map(formatBytes)).toEqual(['0 B', '999 B', '98.4 MB', '4.2 GB', '5000 TB']);
  expect([3.4, 1234, 61_000].map(formatDuration)).toEqual(['3 ms', '1.23 s', '61.0 s']);
});

it('shares have two digits', () => {
  expect([0.0046, 0.064, 0.00000638, 1].map(formatShare)).toEqual(['0.46 %', '6.4 %', '0.00064 %', '100 %']);
});
