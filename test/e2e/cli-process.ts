// A real `mlxd` child process: its output, and how it ended.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const CLI = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));

export interface Finished {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface Running {
  child: ChildProcess;
  /** Resolves when stdout and stderr together hold the text. */
  sees(text: string): Promise<void>;
  finished: Promise<Finished>;
}

export interface StartOptions {
  env?: Record<string, string>;
  /** A file that stdin comes from. */
  stdin?: string;
}

export function startCli(args: readonly string[], { env = {}, stdin }: StartOptions = {}): Running {
  const child = spawn(process.execPath, [CLI, ...args], {
    env: { ...process.env, ...env },
    stdio: [stdin === undefined ? 'ignore' : openSync(stdin, 'r'), 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  let check = (): void => {};
  const collect = (name: 'stdout' | 'stderr') => (chunk: Buffer) => {
    output[name] += chunk.toString();
    check();
  };
  child.stdout?.on('data', collect('stdout'));
  child.stderr?.on('data', collect('stderr'));
  const finished = once(child, 'close').then(([code]) => ({ code: code as number | null, ...output }));
  const sees = (text: string) =>
    new Promise<void>((resolve, reject) => {
      check = () => {
        if (`${output.stdout}${output.stderr}`.includes(text)) resolve();
      };
      void finished.then(({ stderr }) => reject(new Error(`it ended without ${JSON.stringify(text)}: ${stderr}`)));
      check();
    });
  return { child, sees, finished };
}

export const runCli = (args: readonly string[], options?: StartOptions): Promise<Finished> =>
  startCli(args, options).finished;
