// A real `mlxd serve --port 0` child process.
import { createInterface } from 'node:readline';
import { type Running, startCli } from './cli-process.js';

export interface ServerProcess extends Running {
  url: string;
}

/** Resolves when the server says that it listens; throws with its stderr when it ends before. */
export async function startServerProcess(...flags: string[]): Promise<ServerProcess> {
  const running = startCli(['serve', '--port', '0', ...flags]);
  const { stdout } = running.child;
  if (!stdout) throw new Error('the server has no stdout');
  const ended = running.finished.then(({ code, stderr }) => {
    throw new Error(`mlxd serve ended with code ${code} before it listened:\n${stderr}`);
  });
  ended.catch(() => undefined);
  return { ...running, url: await Promise.race([listeningUrl(createInterface(stdout)), ended]) };
}

/** Of the line that says so; others may come before. */
async function listeningUrl(lines: AsyncIterable<string>): Promise<string> {
  const seen: string[] = [];
  for await (const line of lines) {
    const url = /^mlxd listening on (http:\/\/\S+)$/.exec(line)?.[1];
    if (url) return url;
    seen.push(line);
  }
  throw new Error(`mlxd serve printed: ${seen.join('; ')}`);
}
