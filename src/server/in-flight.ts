// The generations under way: each has an abort controller that fires when its client leaves or the server must end it.
// Knows sockets and time, not what is generated. Main thread.
import type { ServerResponse } from 'node:http';
import { finished } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { FastifyBaseLogger, FastifyReply } from 'fastify';
import { apiErrors } from '../schemas/openai-errors.js';

/** How long aborted requests may take to tell their clients; a client that does not read is not waited for. */
const ABORT_GRACE_MS = 1000;
/** A client that has not read for so long, or for twice as long, while there is something to read, is cut off. */
const STALL_MS = 30_000;

export interface InFlightLimits {
  /** Requests at a time; more are refused with 429. */
  limit: number;
  /** What one may take; 0 is any time. */
  timeoutMs: number;
}

interface Entry {
  controller: AbortController;
  response: ServerResponse;
  log: FastifyBaseLogger;
  /** Bytes that the client had not taken at the last look. */
  unread: number;
}

export class InFlight {
  readonly #running = new Set<Entry>();
  readonly #stallCheck = setInterval(() => this.#cutStalled(), STALL_MS).unref();
  #draining = false;
  #onIdle: (() => void)[] = [];

  constructor(private readonly limits: InFlightLimits) {}

  get size(): number {
    return this.#running.size;
  }

  get draining(): boolean {
    return this.#draining;
  }

  /** Counts a generation until its response is sent or its client has gone. Throws ApiError when none may start. */
  begin({ raw: response, log }: Pick<FastifyReply, 'raw' | 'log'>): AbortController {
    const { limit, timeoutMs } = this.limits;
    if (this.#draining) throw apiErrors.shuttingDown();
    if (this.#running.size >= limit) throw apiErrors.tooManyRequests();
    const controller = new AbortController();
    const entry = { controller, response, log, unread: 0 };
    this.#running.add(entry);
    const expire = () => controller.abort(apiErrors.requestTimedOut(timeoutMs / 1000));
    const deadline = timeoutMs > 0 ? setTimeout(expire, timeoutMs) : undefined;
    finished(response, (unfinished) => {
      clearTimeout(deadline);
      if (unfinished) controller.abort(new Error('The client has gone.'));
      this.#running.delete(entry);
      if (this.#running.size === 0) for (const wake of this.#onIdle.splice(0)) wake();
    });
    return controller;
  }

  /** Refuses new generations, lets those under way finish within `timeoutMs`, then aborts the rest. */
  async drain(timeoutMs: number): Promise<void> {
    this.#draining = true;
    await this.#idleWithin(timeoutMs);
    for (const { controller } of this.#running) controller.abort(apiErrors.shuttingDown());
    await this.#idleWithin(ABORT_GRACE_MS);
    this.#running.clear();
    clearInterval(this.#stallCheck);
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

  #cutStalled(): void {
    for (const entry of this.#running) {
      const { response, log, unread } = entry;
      entry.unread = response.writableLength;
      if (unread === 0 || unread !== entry.unread) continue;
      log.warn({ unreadBytes: unread }, 'client has stopped reading, cut off');
      response.destroy();
    }
  }
}
