// Values as function calls write them, turned into JSON as they come: Python's literals, and Gemma's objects with
// unquoted keys. Pure.
import type { Reading, TextSource } from '../text-source.js';

export interface LiteralStyle {
  /** What may stand around a string; the longest first. */
  quotes: readonly string[];
  /** A backslash escapes, inside quotes. */
  escapes: boolean;
}

export const PYTHON: LiteralStyle = { quotes: ['"""', "'''", '"', "'"], escapes: true };

const CONSTANTS: Readonly<Record<string, string>> = { True: 'true', False: 'false', None: 'null' };
const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', b: '\b', f: '\f', '\n': '' };
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/u;

type Emit = (json: string) => void;

/** Gives `emit` one value as JSON. False when there is none, or the text ends in it. */
export function* readLiteral(source: TextSource, emit: Emit, style: LiteralStyle): Reading<boolean> {
  yield* source.space();
  const quote = yield* source.skip(...style.quotes);
  if (quote !== undefined) return yield* readString(source, emit, quote, style);
  if ((yield* source.skip('[', '(')) !== undefined) return yield* readList(source, emit, style);
  if ((yield* source.skip('{')) !== undefined) return yield* readObject(source, emit, style);
  return yield* readBare(source, emit);
}

/** The inside of an object after its `{`: keys are strings or stand bare. */
function* readObject(source: TextSource, emit: Emit, style: LiteralStyle): Reading<boolean> {
  emit('{');
  for (let separator = ''; ; separator = ', ') {
    yield* source.skipAny(/[\s,]/u);
    if ((yield* source.skip('}')) !== undefined) break;
    emit(separator);
    if (!(yield* readKey(source, emit, style))) return false;
    emit(': ');
    if (!(yield* readLiteral(source, emit, style))) return false;
  }
  emit('}');
  return true;
}

function* readKey(source: TextSource, emit: Emit, style: LiteralStyle): Reading<boolean> {
  const quote = yield* source.skip(...style.quotes);
  if (quote !== undefined) {
    if (!(yield* readString(source, emit, quote, style))) return false;
    yield* source.space();
  } else {
    const key = (yield* source.skipAny(/[^:,{}[\]]/u)).trim();
    if (key === '') return false;
    emit(JSON.stringify(key));
  }
  return (yield* source.skip(':')) !== undefined;
}

function* readList(source: TextSource, emit: Emit, style: LiteralStyle): Reading<boolean> {
  emit('[');
  for (let separator = ''; ; separator = ', ') {
    yield* source.skipAny(/[\s,]/u);
    if ((yield* source.skip(']', ')')) !== undefined) break;
    emit(separator);
    if (!(yield* readLiteral(source, emit, style))) return false;
  }
  emit(']');
  return true;
}

function* readString(source: TextSource, emit: Emit, quote: string, { escapes }: LiteralStyle): Reading<boolean> {
  const emitText = (text: string) => emit(JSON.stringify(text).slice(1, -1));
  emit('"');
  for (;;) {
    const marker = yield* source.upTo(escapes ? [quote, '\\'] : [quote], emitText);
    if (marker === undefined) return false;
    yield* source.skip(marker);
    if (marker === quote) break;
    const unit = yield* source.take();
    const code = unit === 'u' || unit === 'x' ? yield* readHex(source, unit === 'u' ? 4 : 2) : undefined;
    emitText(code ?? ESCAPES[unit] ?? (/['"\\]/u.test(unit) ? unit : `\\${unit}`));
  }
  emit('"');
  return true;
}

function* readHex(source: TextSource, digits: number): Reading<string> {
  let hex = '';
  while (hex.length < digits && /^[0-9A-Fa-f]$/u.test(yield* source.peek())) hex += yield* source.take();
  return hex === '' ? '' : String.fromCharCode(Number.parseInt(hex, 16));
}

/** A number or constant; any other word is a string without its quotes. */
function* readBare(source: TextSource, emit: Emit): Reading<boolean> {
  const word = (yield* source.skipAny(/[^,()[\]{}]/u)).trim();
  if (word === '' || (yield* source.peek()) === '') return false;
  const json = CONSTANTS[word] ?? word;
  emit(/^(?:true|false|null)$/u.test(json) || NUMBER.test(json) ? json : JSON.stringify(word));
  return true;
}
