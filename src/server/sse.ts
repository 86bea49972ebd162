// One server-sent event stream on a reply: frames, backpressure, the end. Headers go out with the first frame, so that
// whatever fails before it can still be a plain HTTP error. Knows no API's chunks. Main thread.
import { once } from 'node:events';
import type { FastifyReply } from 'fastify';

export class SseStream {
  #opened = false;
  #drained: Promise<unknown> | undefined;

  /** `signal` is aborted when the client has gone; sending then throws its reason. */
  constructor(
    private readonly reply: FastifyReply,
    private readonly signal: AbortSignal,
  ) {}

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
    const { raw } = this.reply;
    if (!this.#opened) this.#open();
    return raw.destroyed || raw.write(`data: ${frame}\n\n`);
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
