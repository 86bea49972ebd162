// Shows how a step gets on: one line rewritten in place on a terminal, a plain line now and then elsewhere.

export interface Progress {
  /** `fraction` is 0 to 1, or undefined when nobody knows how long it takes. */
  update(note: string, fraction?: number): void;
}

const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const FRAME_MS = 100;
const PLAIN_LINE_MS = 10_000;

/** Runs one step with its progress shown. `work` returns the word for what it did. */
export async function showProgress(name: string, work: (progress: Progress) => Promise<string>): Promise<void> {
  const started = performance.now();
  const display = process.stdout.isTTY ? terminal(name) : plain(name);
  try {
    const outcome = await work(display);
    display.end();
    console.log(`${name}: ${outcome} (${((performance.now() - started) / 1000).toFixed(1)} s)`);
  } catch (error) {
    display.end();
    throw error;
  }
}

const describe = (name: string, note: string, fraction: number | undefined): string =>
  fraction === undefined ? `${name}: ${note}` : `${name}: ${note} ${Math.floor(100 * Math.min(1, fraction))} %`;

function terminal(name: string): Progress & { end(): void } {
  let line = `${name}: starting`;
  let frame = 0;
  const draw = (): void => {
    const width = Math.max(20, (process.stdout.columns || 80) - 3);
    process.stdout.write(`\r\x1b[2K${FRAMES[frame++ % FRAMES.length]} ${line.slice(0, width)}`);
  };
  const timer = setInterval(draw, FRAME_MS);
  return {
    update(note, fraction) {
      line = describe(name, note, fraction);
    },
    end() {
      clearInterval(timer);
      process.stdout.write('\r\x1b[2K');
    },
  };
}

function plain(name: string): Progress & { end(): void } {
  let topic = '';
  let next = 0;
  return {
    update(note, fraction) {
      const now = performance.now();
      // A new kind of work is told at once, its progress only every few seconds.
      const kind = note.split(' ', 1)[0] ?? '';
      if (kind === topic && now < next) return;
      topic = kind;
      next = now + PLAIN_LINE_MS;
      console.log(describe(name, note, fraction));
    },
    end() {},
  };
}
