// Lines typed at a terminal, with editing and a history that is kept in a file.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { createInterface, type Interface } from 'node:readline';

export interface LineTerminal {
  input: NodeJS.ReadableStream;
  output: NodeJS.WritableStream;
  historyFile: string;
}

const HISTORY_SIZE = 1000;

export class LineReader {
  /** Takes Ctrl-C while it is set; without it Ctrl-C throws the begun line away, and ends the input when there is none. */
  onInterrupt: (() => void) | undefined;
  readonly #interface: Interface;
  /** Lines typed ahead. */
  readonly #lines: string[] = [];
  #closed = false;
  #wake = (): void => {};

  constructor({ input, output, historyFile }: LineTerminal) {
    const history = readHistory(historyFile);
    this.#interface = createInterface({
      input,
      output,
      prompt: '> ',
      history,
      historySize: HISTORY_SIZE,
      terminal: true,
    });
    this.#interface
      .on('history', (entries: string[]) => saveHistory(historyFile, entries))
      .on('line', (line) => {
        this.#lines.push(line);
        this.#wake();
      })
      .on('close', () => {
        this.#closed = true;
        this.onInterrupt?.();
        this.#wake();
      })
      .on('SIGINT', () => this.#interrupt());
  }

  /** The next line; undefined at the end of the input. */
  async next(): Promise<string | undefined> {
    if (this.#lines.length === 0 && !this.#closed) {
      this.#interface.prompt();
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#lines.shift();
  }

  close(): void {
    this.#interface.close();
  }

  #interrupt(): void {
    if (this.onInterrupt) {
      this.onInterrupt();
    } else if (this.#interface.line === '') {
      this.#interface.close();
    } else {
      this.#interface.write(null, { ctrl: true, name: 'e' });
      this.#interface.write(null, { ctrl: true, name: 'u' });
    }
  }
}

/** Newest first, as readline keeps it. */
function readHistory(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').split('\n').filter(Boolean).reverse();
  } catch {
    return []; // none yet, or none that can be read: lines can be typed without
  }
}

function saveHistory(file: string, entries: readonly string[]): void {
  try {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `${[...entries].reverse().join('\n')}\n`, { mode: 0o600 });
  } catch {
    // A home that cannot be written to costs the history, nothing else.
  }
}
