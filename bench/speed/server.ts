// A real `mlxd serve` process to measure.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { CLI } from '../../scripts/build/paths.js';

export interface Server {
  url: string;
  /** From the start of the process to its word that it listens. */
  startMs: number;
  pid: number;
  rssBytes(): number;
  stop(): Promise<void>;
}

/** `flags`: more of them for `mlxd serve`, and for the Node that runs it. */
export async function startServer(
  model: string,
  flags: readonly string[] = [],
  nodeFlags: readonly string[] = [],
): Promise<Server> {
  const started = performance.now();
  const args = ['serve', '--model', model, '--port', '0', '--log-level', 'error', ...flags];
  const child = spawn(process.execPath, [...nodeFlags, CLI, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const ended = exited.then(([code]) => Promise.reject(new Error(`mlxd serve ended with code ${code}`)));
  // Once it listens, its end is what `stop` asks for.
  ended.catch(() => undefined);
  const url = await Promise.race([listeningUrl(createInterface({ input: child.stdout })), ended]);
  return {
    url,
    startMs: performance.now() - started,
    pid: child.pid as number,
    rssBytes: () => 1024 * Number(execFileSync('ps', ['-o', 'rss=', '-p', String(child.pid)], { encoding: 'utf8' })),
    stop: async () => {
      child.kill('SIGTERM');
      await exited;
    },
  };
}

/** Of the line that says so; others may come before. */
async function listeningUrl(lines: AsyncIterable<string>): Promise<string> {
  for await (const line of lines) {
    const url = /^mlxd listening on (http:\/\/\S+)$/.exec(line)?.[1];
    if (url) return url;
  }
  throw new Error('mlxd serve did not say where it listens');
}
