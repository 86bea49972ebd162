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
export function capture(command: string, args: readonly string[], options: ExecOptions = {}): Promise<ExecResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: options.cwd ?? ROOT,
      env: { ...process.env, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const lines: string[] = [];
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        lines.push(line);
        options.onLine?.(line);
      });
    }
    child.on('error', (error) => reject(new BuildError(`cannot start ${command}: ${error.message}`)));
    child.on('close', (code, signal) => resolve({ code: code ?? signalStatus(signal), output: lines.join('\n') }));
  });
}

/** Runs a program that must succeed; its output becomes part of the error when it does not. */
export async function exec(command: string, args: readonly string[], options: ExecOptions = {}): Promise<string> {
  const { code, output } = await capture(command, args, options);
  if (code === 0) return output;
  throw new BuildError(`${[command, ...args].join(' ')} ended with status ${code}\n${output}`);
}

/** Runs a program on this terminal and returns its status. */
export function passThrough(command: string, args: readonly string[], options: ExecOptions = {}): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: options.cwd ?? ROOT,
      env: { ...process.env, ...options.env },
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    child.on('error', (error) => reject(new BuildError(`cannot start ${command}: ${error.message}`)));
    child.on('close', (code, signal) => resolve(code ?? signalStatus(signal)));
  });
}

/** A program that a signal ended has no status of its own; shells report 128 and more. */
const signalStatus = (signal: NodeJS.Signals | null): number => (signal === 'SIGINT' ? 130 : 128);
