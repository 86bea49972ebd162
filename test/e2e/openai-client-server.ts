// A real `mlxd serve --port 0` child process for the openai-client tests.
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { type Running, startCli } from './cli-process.js';

export interface ServerProcess extends Running {
  url: string;
}

/** Resolves when the server says that it listens; throws with its stderr when it ends before. */
export async function startServerProcess(): Promise<ServerProcess> {
  const running = startCli(['serve', '--port', '0']);
  const { stdout } = running.child;
  if (!stdout) throw new Error('the server has no stdout');
  const ended = running.finished.then(({ code, stderr }) => {
    throw new Error(`mlxd serve ended with code ${code} before it listened:\n${stderr}`);
  });
  ended.catch(() => undefined);
  const [line] = await Promise.race([once(createInterface(stdout), 'line'), ended]);
  const url = /^mlxd listening on (http:\/\/\S+)$/.exec(line)?.[1];
  if (!url) throw new Error(`mlxd serve printed: ${line}`);
  return { ...running, url };
}
