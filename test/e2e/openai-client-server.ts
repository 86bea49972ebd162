// A real `mlxd serve --port 0` child process for the openai-client tests.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const CLI = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));

export interface ServerProcess {
  url: string;
  child: ChildProcess;
  /** Resolves with the exit code. */
  exited: Promise<number | null>;
}

/** Resolves when the server says that it listens; throws with its output when it ends before. */
export async function startServerProcess(...flags: string[]): Promise<ServerProcess> {
  const child = spawn(process.execPath, [CLI, 'serve', '--port', '0', ...flags], { stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = once(child, 'exit').then(([code]) => code as number | null);
  let output = '';
  const listening = new Promise<string>((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk) => {
        output += String(chunk);
        const url = /mlxd listening on (http:\/\/[^\s"]+)/.exec(output)?.[1];
        if (url) resolve(url);
      });
    }
  });
  const ended = exited.then((code) => {
    throw new Error(`mlxd serve ended with code ${code} before it listened:\n${output}`);
  });
  const url = await Promise.race([listening, ended]);
  ended.catch(() => undefined);
  return { url, child, exited };
}

export async function stopServerProcess({ child, exited }: ServerProcess): Promise<number | null> {
  child.kill('SIGTERM');
  return exited;
}
