// What the test doubles of an engine and of a model share: calls in the order they come, and what each of them plays.

/** Events that a test gives, when it gives them; an Error is thrown in its place. One reader. */
export class Playback<Event extends { type: string }> {
  #queue: (Event | Error)[] = [];
  #wake: (() => void) | undefined;

  put(event: Event | Error): void {
    this.#queue.push(event);
    this.#wake?.();
  }

  /** Each event as soon as it is there, up to the one of type `finish`. */
  async *events(): AsyncGenerator<Event> {
    for (;;) {
      const event = this.#queue.shift();
      if (event === undefined) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        continue;
      }
      if (event instanceof Error) throw event;
      yield event;
      if (event.type === 'finish') return;
    }
  }
}

/** Calls, oldest first, for a test that waits for them. */
export class Arrivals<Call> {
  readonly all: Call[] = [];
  #taken = 0;
  #waiters: (() => void)[] = [];

  add(call: Call): void {
    this.all.push(call);
    for (const wake of this.#waiters.splice(0)) wake();
  }

  /** The next call that `next` has not returned yet, as soon as it comes. */
  async next(): Promise<Call> {
    const index = this.#taken++;
    for (;;) {
      const call = this.all[index];
      if (call) return call;
      await new Promise<void>((resolve) => {
        this.#waiters.push(resolve);
      });
    }
  }
}
