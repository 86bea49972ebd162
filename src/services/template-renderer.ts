// Renders chat templates in a worker thread: a template comes with the model, from anyone, and must not be able to block
// the event loop. Used on the main thread.
import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import type { TemplateContext } from '../text/chat-template.js';
import { ChatTemplateError } from '../text/types.js';
import type { RenderResult, RenderTask } from './template-worker.js';

export interface TemplateRendererOptions {
  /** Time for one prompt, from when the worker has it. */
  timeoutMs?: number;
  /** The script of the worker, for tests. */
  workerFile?: string;
}

const TIMEOUT_MS = 5_000;
const WORKER_MEMORY_MB = 512;

interface Job {
  task: RenderTask;
  resolve(prompt: string): void;
  reject(error: Error): void;
}

/** One worker, made when it is first needed and again after a time-out; prompts are rendered in order. */
export class TemplateRenderer {
  readonly #timeoutMs: number;
  readonly #workerFile: string;
  readonly #queue: Job[] = [];
  #worker: Worker | undefined;
  #job: Job | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: TemplateRendererOptions = {}) {
    this.#timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
    this.#workerFile = options.workerFile ?? createRequire(import.meta.url).resolve('#template-worker');
  }

  /** The prompt. Rejects with ChatTemplateError; a template that takes too long or too much memory has `failed`. */
  render(template: string, context: TemplateContext): Promise<string> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(new ChatTemplateError('failed', 'The model has been closed.'));
      this.#queue.push({ task: { template, context }, resolve, reject });
      this.#next();
    });
  }

  /** Ends the worker; what it was rendering is rejected. */
  async close(): Promise<void> {
    this.#closed = true;
    const error = new ChatTemplateError('failed', 'The model was closed while its chat template was rendered.');
    for (const job of this.#queue.splice(0)) job.reject(error);
    await this.#discard(error);
  }

  #next(): void {
    if (this.#job !== undefined) return;
    this.#job = this.#queue.shift();
    if (this.#job === undefined) return;
    this.#worker ??= this.#start();
    this.#worker.ref();
    const message = `The model's chat template took longer than ${this.#timeoutMs} ms.`;
    this.#timer = setTimeout(() => void this.#discard(new ChatTemplateError('failed', message)), this.#timeoutMs);
    this.#worker.postMessage(this.#job.task);
  }

  #start(): Worker {
    const worker = new Worker(this.#workerFile, {
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: WORKER_MEMORY_MB },
    });
    // A worker that was given up may still report: only the present one counts.
    worker.on('message', (result: RenderResult) => {
      if (worker === this.#worker) this.#finish(result);
    });
    worker.on('error', (cause) => {
      const message = `The model's chat template ended its thread: ${cause.message}`;
      if (worker === this.#worker) void this.#discard(new ChatTemplateError('failed', message, { cause }));
    });
    return worker;
  }

  #finish(result: RenderResult): void {
    const job = this.#take();
    // An idle worker does not keep the process alive.
    this.#worker?.unref();
    if ('prompt' in result) job?.resolve(result.prompt);
    else job?.reject(new ChatTemplateError(result.code, result.message));
    this.#next();
  }

  /** Gives up the worker and what it was rendering; the next prompt gets a new one. */
  async #discard(error: Error): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    this.#take()?.reject(error);
    this.#next();
    await worker?.terminate();
  }

  #take(): Job | undefined {
    clearTimeout(this.#timer);
    const job = this.#job;
    this.#job = undefined;
    return job;
  }
}
