// Reads JSON from a reply as it comes. It follows strings and brackets and judges nothing else: what a model wrote
// wrongly reaches the client as it is, but for raw control characters in strings, which have one right spelling. Pure.
import type { Reading, TextSource } from '../text-source.js';

/** Gives `emit` one value's text. Stops early before one of `ends` outside a string, and at the end of the text. */
export function* readJson(source: TextSource, emit: (text: string) => void, ends: readonly string[]): Reading<void> {
  let depth = 0;
  for (;;) {
    const unit = yield* source.peek();
    if (unit === '' || (yield* source.at(ends)) !== undefined) return;
    if (depth === 0 && /[\s,}\]]/u.test(unit)) return;
    if (unit === '"') {
      yield* readString(source, emit);
    } else {
      yield* source.take();
      emit(unit);
      if (unit === '{' || unit === '[') depth += 1;
      if (unit === '}' || unit === ']') depth -= 1;
      if (depth > 0 || !/["}\]]/u.test(unit)) continue;
    }
    if (depth <= 0) return;
  }
}

/** Gives `emit` a string with its quotes. */
function* readString(source: TextSource, emit: (text: string) => void): Reading<void> {
  emit(yield* source.take());
  for (;;) {
    const unit = yield* source.take();
    if (unit === '') return;
    emit(unit < ' ' ? JSON.stringify(unit).slice(1, -1) : unit);
    if (unit === '"') return;
    if (unit === '\\') emit(yield* source.take());
  }
}

/** One value's text, whole. */
export function* captureJson(source: TextSource, ends: readonly string[]): Reading<string> {
  let json = '';
  const append = (text: string) => {
    json += text;
  };
  yield* readJson(source, append, ends);
  return json;
}

/** The value of a JSON string; undefined for any other text. */
export function stringValue(json: string): string | undefined {
  const value = parseJson(json);
  return typeof value === 'string' ? value : undefined;
}

/** Undefined for what is no JSON. */
export function parseJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
