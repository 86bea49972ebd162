// One server-sent event stream on a reply: frames, backpressure, the end. Headers go out with the first frame, so that
// whatever fails before it can still be a plain HTTP error. Knows no API's chunks. Main thread.
import { once } from 'node:events';
import { finished } from 'node:stream';
import type { FastifyReply } from 'fastify';

/** Proxies and clients give up a stream on which nothing comes: a long prefill sends comments so often. */
const KEEP_ALIVE_MS = 15_000;

export class SseStream {
  #opened = false;
  #quiet = true;
  #drained: Promise<unknown> | undefined;

  /** `signal` is aborted when the client has gone; sending then throws its reason. */
  constructor(
    private readonly reply: FastifyReply,
    private readonly signal: AbortSignal,
  ) {
    const timer = setInterval(() => this.#keepAlive(), KEEP_ALIVE_MS).unref();
    finished(reply.raw, () => clearInterval(timer));
  }

  get opened(): boolean {
    return this.#opened;
  }

  /** Writes one data frame; resolves when the socket takes more, so a slow reader holds up only who writes to it. */
  async send(data: unknown): Promise<void> {
    this.signal.throwIfAborted();
    if (!this.#write(JSON.stringify(data))) await this.#drain();
  }

  /** Ends the stream with a last frame as it stands, such as `[DONE]` or an error object's JSON. */
  end(lastFrame: string): void {
    this.#write(lastFrame);
    if (!this.reply.raw.destroyed) this.reply.raw.end();
  }

  #write(frame: string): boolean {
    this.#quiet = false;
    return this.#writeRaw(`data: ${frame}\n\n`);
  }

  #writeRaw(text: string): boolean {
    const { raw } = this.reply;
    if (!this.#opened) this.#open();
    return raw.destroyed || raw.write(text);
  }

  /** A comment where no frame has been since the last time. A client that does not read needs none. */
  #keepAlive(): void {
    if (this.#quiet && !this.reply.raw.writableNeedDrain) this.#writeRaw(': keep-alive\n\n');
    this.#quiet = true;
  }

  #open(): void {
    this.#opened = true;
    this.reply.hijack();
    this.reply.raw.writeHead(200, {
      ...(this.reply.getHeaders() as Record<string, string>),
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache',
      'x-accel-buffering': 'no',
    });
  }

  /** Several writers may wait at once; one listener serves them all. */
  async #drain(): Promise<void> {
    this.#drained ??= once(this.reply.raw, 'drain', { signal: this.signal }).finally(() => {
      this.#drained = undefined;
    });
    try {
      await this.#drained;
    } catch (error) {
      this.signal.throwIfAborted();
      throw error;
    }
  }
}
