// Text that is still coming, read by generators: a parser is written as if it had the whole reply, and yields where it
// has to wait. What it does then depends on the text alone, never on how the text was cut. Pure.
import type { PartSink } from './reply-parts.js';

/** Reads from a TextSource; yields when it needs more text. */
export type Reading<T> = Generator<undefined, T, undefined>;

export class TextSource {
  #text = '';
  #at = 0;
  #ended = false;
  #mark: number | undefined;

  append(text: string): void {
    const keep = Math.min(this.#mark ?? this.#at, this.#at);
    this.#text = this.#text.slice(keep) + text;
    this.#at -= keep;
    if (this.#mark !== undefined) this.#mark -= keep;
  }

  end(): void {
    this.#ended = true;
  }

  /** Remembers this place; `sinceMark` gives the text from it on. */
  mark(): void {
    this.#mark = this.#at;
  }

  /** The text read since `mark`, which it forgets. */
  sinceMark(): string {
    const text = this.#text.slice(this.#mark ?? this.#at, this.#at);
    this.unmark();
    return text;
  }

  unmark(): void {
    this.#mark = undefined;
  }

  /** The next UTF-16 unit, not consumed; '' at the end. */
  *peek(): Reading<string> {
    while (this.#at >= this.#text.length) {
      if (this.#ended) return '';
      yield;
    }
    return this.#text.charAt(this.#at);
  }

  /** The next UTF-16 unit; '' at the end. */
  *take(): Reading<string> {
    const unit = yield* this.peek();
    if (unit !== '') this.#at += 1;
    return unit;
  }

  /** Which of these texts comes next, if any; not consumed. One that begins another comes after it. */
  *at(texts: readonly string[]): Reading<string | undefined> {
    for (;;) {
      const rest = this.#text.slice(this.#at, this.#at + longest(texts));
      const found = texts.find((text) => rest.startsWith(text));
      const open = texts.some((text) => text.length > rest.length && text.startsWith(rest));
      if (!open || this.#ended) return found;
      yield;
    }
  }

  /** Consumes one of these texts if it comes next. */
  *skip(...texts: string[]): Reading<string | undefined> {
    const found = yield* this.at(texts);
    if (found !== undefined) this.#at += found.length;
    return found;
  }

  /** Consumes the units that belong to `units`; gives them. */
  *skipAny(units: RegExp): Reading<string> {
    let skipped = '';
    for (;;) {
      const unit = yield* this.peek();
      if (unit === '' || !units.test(unit)) return skipped;
      skipped += unit;
      this.#at += 1;
    }
  }

  space(): Reading<string> {
    return this.skipAny(/\s/u);
  }

  /**
   * Gives `emit` all text before the first of `markers`, as soon as it cannot be part of one, and says which marker
   * comes next (not consumed); undefined at the end of the text. No marker may begin another.
   */
  *upTo(markers: readonly string[], emit: (text: string) => void): Reading<string | undefined> {
    for (;;) {
      const { marker, at } = firstMarker(this.#text, this.#at, markers, this.#ended);
      if (at > this.#at) emit(this.#text.slice(this.#at, at));
      this.#at = at;
      if (marker !== undefined) return marker;
      if (this.#ended && at === this.#text.length) return undefined;
      yield;
    }
  }

  /** The text before the first of `markers`, which is not consumed. */
  *textUpTo(...markers: string[]): Reading<{ text: string; marker: string | undefined }> {
    let text = '';
    const marker = yield* this.upTo(markers, (more) => {
      text += more;
    });
    return { text, marker };
  }
}

/** The first whole marker from `start` on, or where one may begin that is not whole yet, or else the end. */
function firstMarker(
  text: string,
  start: number,
  markers: readonly string[],
  ended: boolean,
): { marker?: string; at: number } {
  let at = text.length;
  let marker: string | undefined;
  for (const candidate of markers) {
    const found = text.indexOf(candidate, start);
    if (found >= 0 && found < at) [at, marker] = [found, candidate];
  }
  if (ended) return { ...(marker === undefined ? {} : { marker }), at };
  for (let tail = Math.max(start, text.length - longest(markers) + 1); tail < at; tail++) {
    const rest = text.slice(tail);
    if (markers.some((candidate) => candidate.startsWith(rest))) return { at: tail };
  }
  return { ...(marker === undefined ? {} : { marker }), at };
}

function longest(texts: readonly string[]): number {
  return texts.reduce((max, text) => Math.max(max, text.length), 0);
}

/** A parser of a part of a reply. It reads until it has no more to say, at the latest to the end of the text. */
export type PartReader = (source: TextSource, out: PartSink) => Reading<void>;
