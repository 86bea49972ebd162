// SIGINT and SIGTERM for commands: a signal to abort with, and the error that ends a command so.

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 };

/** Ends a command without a message: the user asked for it. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
  readonly exitCode: number;
  constructor(signal: (typeof SIGNALS)[number]) {
    super(`interrupted by ${signal}`);
    this.exitCode = EXIT_CODES[signal];
  }
}

/** Calls `listener` on each signal, until `dispose`. */
export function onSignal(listener: (signal: (typeof SIGNALS)[number]) => void): { dispose: () => void } {
  for (const signal of SIGNALS) process.on(signal, listener);
  return {
    dispose: () => {
      for (const signal of SIGNALS) process.off(signal, listener);
    },
  };
}

/** Aborts with Interrupted on the first signal; a second one ends the process as if nobody listened. */
export function abortOnSignal(): { signal: AbortSignal; dispose: () => void } {
  const controller = new AbortController();
  const listening = onSignal((signal) => {
    listening.dispose();
    controller.abort(new Interrupted(signal));
  });
  return { signal: controller.signal, dispose: listening.dispose };
}
