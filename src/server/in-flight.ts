// The generations under way: each has an abort controller that fires when its client leaves or the server must end it.
// Knows sockets and time, not what is generated. Main thread.
import type { ServerResponse } from 'node:http';
import { finished } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { apiErrors } from '../schemas/openai-errors.js';

/** How long aborted requests may take to tell their clients; a client that does not read is not waited for. */
const ABORT_GRACE_MS = 1000;

export class InFlight {
  readonly #running = new Set<AbortController>();
  #draining = false;
  #onIdle: (() => void)[] = [];

  /** `limit`: requests at a time; more are refused with 429. */
  constructor(private readonly limit: number) {}

  get size(): number {
    return this.#running.size;
  }

  get draining(): boolean {
    return this.#draining;
  }

  /** Counts a generation until its response is sent or its client has gone. Throws ApiError when none may start. */
  begin(response: ServerResponse): AbortController {
    if (this.#draining) throw apiErrors.shuttingDown();
    if (this.#running.size >= this.limit) throw apiErrors.tooManyRequests();
    const controller = new AbortController();
    this.#running.add(controller);
    finished(response, (unfinished) => {
      if (unfinished) controller.abort(new Error('The client has gone.'));
      this.#running.delete(controller);
      if (this.#running.size === 0) for (const wake of this.#onIdle.splice(0)) wake();
    });
    return controller;
  }

  /** Refuses new generations, lets those under way finish within `timeoutMs`, then aborts the rest. */
  async drain(timeoutMs: number): Promise<void> {
    this.#draining = true;
    await this.#idleWithin(timeoutMs);
    for (const controller of this.#running) controller.abort(apiErrors.shuttingDown());
    await this.#idleWithin(ABORT_GRACE_MS);
    this.#running.clear();
  }

  async #idleWithin(timeoutMs: number): Promise<void> {
    if (this.#running.size === 0 || timeoutMs <= 0) return;
    const timer = new AbortController();
    const idle = new Promise<void>((resolve) => {
      this.#onIdle.push(resolve);
    });
    const timeout = delay(timeoutMs, undefined, { signal: timer.signal }).catch(() => undefined);
    await Promise.race([idle, timeout]);
    timer.abort();
  }
}
