// One server-sent event stream on a reply: frames, slow readers, the end. Headers go out with the first frame, so that
// whatever fails before it can still be a plain HTTP error. Knows no API's chunks. Main thread.
import { finished } from 'node:stream';
import type { FastifyReply } from 'fastify';

/** Proxies and clients give up a stream on which nothing comes: a long prefill sends comments so often. */
const KEEP_ALIVE_MS = 15_000;
/** Some ten thousand chunks. */
const MAX_UNREAD_BYTES = 16 * 1024 * 1024;

export class SseStream {
  #opened = false;
  #quiet = true;

  /** `signal` is aborted when the client has gone; `dress` has the last word on what is sent. */
  constructor(
    private readonly reply: FastifyReply,
    private readonly signal: AbortSignal,
    private readonly dress: (data: object) => object = (data) => data,
  ) {
    const timer = setInterval(() => this.#keepAlive(), KEEP_ALIVE_MS).unref();
    finished(reply.raw, () => clearInterval(timer));
  }

  get opened(): boolean {
    return this.#opened;
  }

  /**
   * Writes one data frame, and does not wait for its reader: others share the engine. What a slow one has not read waits
   * here, up to a bound; who is further behind is cut off. Throws then, and the signal's reason when that is aborted.
   */
  send(data: object): void {
    this.signal.throwIfAborted();
    this.#write(JSON.stringify(this.dress(data)));
    const { raw, log } = this.reply;
    if (raw.destroyed || raw.writableLength <= MAX_UNREAD_BYTES) return;
    log.warn({ unreadBytes: raw.writableLength }, 'client reads too slowly, cut off');
    raw.destroy();
    throw new Error('The client reads too slowly.');
  }

  /** Ends the stream with a last frame as it stands, such as `[DONE]` or an error object's JSON. */
  end(lastFrame: string): void {
    this.#write(lastFrame);
    if (!this.reply.raw.destroyed) this.reply.raw.end();
  }

  #write(frame: string): void {
    this.#quiet = false;
    this.#writeRaw(`data: ${frame}\n\n`);
  }

  #writeRaw(text: string): void {
    const { raw } = this.reply;
    if (!this.#opened) this.#open();
    if (!raw.destroyed) raw.write(text);
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
}
