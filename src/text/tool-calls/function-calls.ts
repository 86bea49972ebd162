// Tool calls written as function calls: `[name(key=value, …), …]` of Llama 4 and LFM2, `call:name{key:value, …}` of the
// Gemma family. Pure.
import type { PartSink } from '../reply-parts.js';
import type { PartReader, Reading, TextSource } from '../text-source.js';
import { type LiteralStyle, PYTHON, readLiteral } from './literals.js';

const NAME = /[\w.-]/u;

export interface PythonicMarkers {
  opens: readonly string[];
  closes: readonly string[];
  /** A reply that is nothing but calls of these needs no marker. */
  bareNames?: ReadonlySet<string>;
}

export function pythonicCalls({ opens, closes, bareNames }: PythonicMarkers): PartReader {
  return function* read(source, out) {
    if (bareNames) {
      source.mark();
      yield* readPythonicList(source, out, closes, bareNames);
    }
    for (;;) {
      const open = yield* source.upTo(opens, (text) => out.text(text));
      if (open === undefined) return;
      source.mark();
      yield* source.skip(open);
      yield* readPythonicList(source, out, closes);
    }
  };
}

/** `source` is marked. */
function* readPythonicList(
  source: TextSource,
  out: PartSink,
  closes: readonly string[],
  names?: ReadonlySet<string>,
): Reading<void> {
  yield* source.space();
  const listed = (yield* source.skip('[')) !== undefined;
  for (let calls = 0; ; calls++) {
    yield* source.skipAny(/[\s,]/u);
    const name = listed || names === undefined ? yield* source.skipAny(NAME) : '';
    const begins = name !== '' && names?.has(name) !== false && (yield* source.skip('(')) !== undefined;
    if (!begins) {
      if (calls === 0 || name !== '') return out.text(source.sinceMark());
      break;
    }
    source.unmark();
    out.beginCall(name);
    yield* readArguments(source, out, { style: PYTHON, assign: '=', end: ')', closes });
    source.mark();
  }
  yield* source.skip(']');
  yield* source.space();
  yield* source.skip(...closes);
  source.unmark();
}

export interface GemmaMarkers {
  open: string;
  close: string;
  quote: string;
}

export const GEMMA: GemmaMarkers = { open: '<|tool_call>', close: '<tool_call|>', quote: '<|"|>' };
export const FUNCTION_GEMMA: GemmaMarkers = {
  open: '<start_function_call>',
  close: '<end_function_call>',
  quote: '<escape>',
};

export function gemmaCalls({ open, close, quote }: GemmaMarkers): PartReader {
  const style = { quotes: [quote, '"'], escapes: false };
  return function* read(source, out) {
    for (;;) {
      if ((yield* source.upTo([open], (text) => out.text(text))) === undefined) return;
      source.mark();
      yield* source.skip(open);
      yield* source.space();
      const called = yield* source.skip('call:');
      const name = called === undefined ? '' : yield* source.skipAny(NAME);
      if (name === '' || (yield* source.skip('{')) === undefined) {
        out.text(source.sinceMark());
        continue;
      }
      source.unmark();
      out.beginCall(name);
      yield* readArguments(source, out, { style, assign: ':', end: '}', closes: [close] });
      yield* source.space();
      yield* source.skip(close);
    }
  };
}

interface ArgumentSyntax {
  style: LiteralStyle;
  /** Between key and value. */
  assign: string;
  end: string;
  closes: readonly string[];
}

/** Gives the arguments as one JSON object. What is malformed in it goes on as it stands, up to a closing marker. */
function* readArguments(source: TextSource, out: PartSink, syntax: ArgumentSyntax): Reading<void> {
  const { style, assign, end, closes } = syntax;
  const emit = (text: string) => out.args(text);
  emit('{');
  for (let separator = ''; ; separator = ', ') {
    yield* source.skipAny(/[\s,]/u);
    if ((yield* source.skip(end)) !== undefined) return emit('}');
    const key = yield* source.skipAny(NAME);
    yield* source.space();
    if (key !== '') emit(`${separator}${JSON.stringify(key)}: `);
    const assigned = key !== '' && (yield* source.skip(assign)) !== undefined;
    if (assigned && (yield* readLiteral(source, emit, style))) continue;
    yield* source.upTo(closes, emit);
    return;
  }
}
