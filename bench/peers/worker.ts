// One peer in a process of its own. It computes only while a request is open, and there is one request at a time.

import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { z } from 'zod';
import { ROOT } from '../../scripts/build/paths.js';
import { type Answer, type Extras, parseAnswer, type Request } from './protocol.js';

const STDERR_LINES = 20;

interface Waiting {
  resolve: (answer: Answer) => void;
  reject: (error: Error) => void;
}

export class Worker {
  private readonly child: ChildProcess;
  private readonly ended: Promise<void>;
  private readonly stderr: string[] = [];
  private waiting: Waiting | undefined;
  private alive = true;
  private lastId = 0;

  constructor(
    readonly name: string,
    command: string,
    args: readonly string[],
    env: NodeJS.ProcessEnv = {},
  ) {
    const environment = { ...process.env, ...env };
    this.child = spawn(command, args, { cwd: ROOT, env: environment, stdio: ['pipe', 'pipe', 'pipe'] });
    this.ended = new Promise((resolve) => {
      this.child.once('error', (error) => this.end(error.message, resolve));
      this.child.once('close', (code, signal) => this.end(`it ended (${signal ?? `status ${code}`})`, resolve));
    });
    // A worker that ended is told of by `close`; the broken pipe says no more.
    this.child.stdin?.on('error', () => undefined);
    this.onLines(this.child.stdout, (line) => this.take(line));
    this.onLines(this.child.stderr, (line) => {
      this.stderr.push(line);
      if (this.stderr.length > STDERR_LINES) this.stderr.shift();
    });
  }

  /** Sends a request and returns its checked result. Throws what the worker reports, with the worker's name. */
  async request<T>(request: Request, schema: z.ZodType<T>, extras: Extras = {}): Promise<T> {
    const id = ++this.lastId;
    const answer = await new Promise<Answer>((resolve, reject) => {
      if (this.waiting) throw new Error(`${this.name} is still busy`);
      if (!this.alive) throw new Error(`${this.name}: it has ended`);
      this.waiting = { resolve, reject };
      this.child.stdin?.write(`${JSON.stringify({ id, ...request, ...extras })}\n`);
    });
    if (answer.id !== id) throw new Error(`${this.name} answered request ${answer.id} instead of ${id}`);
    if (!answer.ok) throw new Error(`${this.name}: ${answer.error}`);
    return schema.parse(answer.result);
  }

  /** Lets the process end and waits until it has. */
  async close(): Promise<void> {
    this.child.stdin?.end();
    await this.ended;
  }

  private onLines(stream: NodeJS.ReadableStream | null, take: (line: string) => void): void {
    if (stream) createInterface({ input: stream }).on('line', take);
  }

  private take(line: string): void {
    const waiting = this.waiting;
    this.waiting = undefined;
    try {
      waiting?.resolve(parseAnswer(line));
    } catch (error) {
      waiting?.reject(new Error(`${this.name}: ${(error as Error).message}`));
    }
  }

  private end(reason: string, resolve: () => void): void {
    this.alive = false;
    this.waiting?.reject(new Error([`${this.name}: ${reason}`, ...this.stderr].join('\n')));
    this.waiting = undefined;
    resolve();
  }
}
