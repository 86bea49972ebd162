// Runs other programs, either with their output held back (shown only when they fail) or passed through.

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { BuildError } from './errors.js';
import { ROOT } from './paths.js';

export interface ExecOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  /** Each line of stdout and stderr as it comes. */
  onLine?: (line: string) => void;
}

export interface ExecResult {
  code: number;
  output: string;
}

/** Runs a program to its end and returns its status and everything it printed. Rejects only when it cannot be started. */
export async function capture(
  command: string,
  args: readonly string[],
  options: ExecOptions = {},
): Promise<ExecResult> {
  const lines: string[] = [];
  const code = await run(command, args, options, (line) => {
    lines.push(line);
    options.onLine?.(line);
  });
  return { code, output: lines.join('\n') };
}

/** Runs a program that must succeed; its output becomes part of the error when it does not. */
export async function exec(command: string, args: readonly string[], options: ExecOptions = {}): Promise<string> {
  const { code, output } = await capture(command, args, options);
  if (code === 0) return output;
  throw new BuildError(`${[command, ...args].join(' ')} ended with status ${code}\n${output}`);
}

/** Runs a program on this terminal and returns its status. */
export function passThrough(command: string, args: readonly string[]): Promise<number> {
  return run(command, args, {}, undefined);
}

function run(
  command: string,
  args: readonly string[],
  options: ExecOptions,
  onLine: ((line: string) => void) | undefined,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const output = onLine ? 'pipe' : 'inherit';
    const child = spawn(command, args, {
      cwd: options.cwd ?? ROOT,
      env: { ...process.env, ...options.env },
      stdio: ['ignore', output, output],
    });
    for (const stream of [child.stdout, child.stderr]) {
      if (stream && onLine) createInterface({ input: stream }).on('line', onLine);
    }
    child.on('error', (error) => reject(new BuildError(`cannot start ${command}: ${error.message}`)));
    // A program that a signal ended has no status of its own.
    child.on('close', (code) => resolve(code ?? 1));
  });
}
