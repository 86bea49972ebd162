// The events of one request between the drain, which pushes, and the loop that reads them, one reader at a time.

import type { TokenEvent } from './types.js';

export class TokenQueue {
  #events: TokenEvent[] = [];
  #read = 0;
  #failure: Error | undefined;
  #wake: (() => void) | undefined;

  push(event: TokenEvent): void {
    this.#events.push(event);
    this.#wake?.();
  }

  /** Ends the queue: `next` rejects with `error` once what came before has been read. */
  fail(error: Error): void {
    this.#failure = error;
    this.#wake?.();
  }

  /** The next event; waits for it. */
  async next(): Promise<TokenEvent> {
    for (;;) {
      const event = this.take();
      if (event) return event;
      if (this.#failure) throw this.#failure;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
  }

  /** The next event if it has come already. */
  take(): TokenEvent | undefined {
    const event = this.#events[this.#read];
    if (event) {
      this.#read += 1;
    } else if (this.#read > 0) {
      this.#events = [];
      this.#read = 0;
    }
    return event;
  }
}
