// A real `mlxd serve --port 0` child process, and the official openai client on it.
import { createInterface } from 'node:readline';
import OpenAI from 'openai';
import { type Running, startCli } from './cli-process.js';

export interface ServerProcess extends Running {
  url: string;
  stop(): Promise<void>;
}

export interface OpenAiServer extends ServerProcess {
  openai: OpenAI;
  /** The name of the one that is served. */
  model: string;
}

/** A server with the default model. Throws as `startServerProcess`. */
export async function startOpenAiServer(): Promise<OpenAiServer> {
  const server = await startServerProcess();
  const openai = clientOf(server);
  const { data } = await openai.models.list();
  return { ...server, openai, model: data[0]?.id ?? '' };
}

/** Tells every answer as it is: nothing is asked twice. */
export const clientOf = ({ url }: ServerProcess): OpenAI =>
  new OpenAI({ baseURL: `${url}/v1`, apiKey: 'unused', maxRetries: 0 });

/** Resolves when the server says that it listens; throws with its stderr when it ends before. */
export async function startServerProcess(...flags: string[]): Promise<ServerProcess> {
  const running = startCli(['serve', '--port', '0', ...flags]);
  const { stdout } = running.child;
  if (!stdout) throw new Error('the server has no stdout');
  const ended = running.finished.then(({ code, stderr }) => {
    throw new Error(`mlxd serve ended with code ${code} before it listened:\n${stderr}`);
  });
  ended.catch(() => undefined);
  const url = await Promise.race([listeningUrl(createInterface(stdout)), ended]);
  const stop = async () => {
    running.child.kill('SIGTERM');
    await running.finished;
  };
  return { ...running, url, stop };
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
