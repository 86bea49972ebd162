// Engines in real Node processes: idle, closed by exit, by a throw, with their worker, in many environments, forgotten.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, it } from 'vitest';
import { golden } from './tiny-models.js';

const SCENARIOS = fileURLToPath(new URL('./process/scenarios.ts', import.meta.url));
const REPLY = JSON.stringify(golden().greedy);

interface Ended {
  code: number | null;
  signal: string | null;
  lines: string[];
  errors: string;
}

function play(scenario: string): Promise<Ended> {
  const child = spawn(process.execPath, ['--import', 'tsx', '--expose-gc', SCENARIOS, scenario]);
  let output = '';
  let errors = '';
  child.stdout.on('data', (data) => {
    output += data;
  });
  child.stderr.on('data', (data) => {
    errors += data;
  });
  return new Promise((resolve) => {
    child.on('close', (code, signal) => resolve({ code, signal, lines: output.trim().split('\n'), errors }));
  });
}

// Each starts a process of its own, which takes a second or more on a busy machine.
describe.concurrent('a process with an engine', { timeout: 60_000 }, () => {
  it('ends by itself when its engines are idle', async ({ expect }) => {
    expect(await play('idle')).toMatchObject({ code: 0, signal: null, lines: [REPLY] });
  });

  it('ends cleanly on process.exit() while generating', async ({ expect }) => {
    expect(await play('exit')).toMatchObject({ code: 7, signal: null, errors: '' });
  });

  it('ends cleanly on process.exit() while loading', async ({ expect }) => {
    expect(await play('exit-while-loading')).toMatchObject({ code: 7, signal: null, errors: '' });
  });

  it('ends as Node does on an uncaught throw while generating', async ({ expect }) => {
    const ended = await play('throw');
    expect(ended).toMatchObject({ code: 1, signal: null });
    expect(ended.errors).toContain('nobody catches this');
  });

  it('outlives workers that are terminated while generating', async ({ expect }) => {
    expect(await play('terminate')).toMatchObject({ code: 0, signal: null, lines: [REPLY], errors: '' });
  });

  it('holds engines in several environments at once and after each other', async ({ expect }) => {
    const ended = await play('environments');
    expect(ended).toMatchObject({ code: 0, signal: null, errors: '' });
    expect(ended.lines).toEqual(Array.from({ length: 6 }, () => REPLY));
  });

  it('collects an engine that was forgotten', async ({ expect }) => {
    expect(await play('forget')).toMatchObject({ code: 0, signal: null, lines: ['collected'], errors: '' });
  });
});
