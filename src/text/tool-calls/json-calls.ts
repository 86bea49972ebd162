// Tool calls as JSON objects, `{"name": …, "arguments": {…}}`, one or more, in a list or not: Hermes and Qwen, Llama 3,
// Phi-4, older Mistral models, and the format that this program asks for where a template knows none. Pure.
import type { PartSink } from '../reply-parts.js';
import type { PartReader, Reading, TextSource } from '../text-source.js';
import { captureJson, readJson, stringValue } from './json-value.js';

export interface JsonCallMarkers {
  opens: readonly string[];
  closes: readonly string[];
  /** A reply that is nothing but an object with the name of one of these tools is a call, too. */
  bareNames?: ReadonlySet<string>;
}

const NAME_KEYS = new Set(['name', 'function']);
const ARGUMENT_KEYS = new Set(['arguments', 'parameters']);
const OTHER_KEYS = new Set(['id', 'type']);

export function jsonCalls(markers: JsonCallMarkers): PartReader {
  return function* read(source, out) {
    if (markers.bareNames) yield* readBareCalls(source, out, markers);
    for (;;) {
      const open = yield* source.upTo(markers.opens, (text) => out.text(text));
      if (open === undefined) return;
      source.mark();
      yield* source.skip(open);
      yield* readCallList(source, out, markers.closes);
    }
  };
}

/** Objects with white space, commas, semicolons or brackets between, to the closing marker. `source` is marked. */
export function* readCallList(
  source: TextSource,
  out: PartSink,
  closes: readonly string[],
  names?: ReadonlySet<string>,
): Reading<void> {
  for (let calls = 0; ; calls++) {
    yield* source.skipAny(/[\s,;[\]]/u);
    if ((yield* source.peek()) !== '{') {
      if (calls === 0) break;
      yield* source.skip(...closes);
      return source.unmark();
    }
    if (!(yield* readCallObject(source, out, closes, names))) break;
    source.mark();
  }
  out.text(source.sinceMark());
}

function* readBareCalls(source: TextSource, out: PartSink, { closes, bareNames }: JsonCallMarkers): Reading<void> {
  source.mark();
  yield* source.space();
  yield* readCallList(source, out, closes, bareNames);
}

/** False, with nothing said yet, for an object that is no call; it has been read as far as that took to know. */
function* readCallObject(
  source: TextSource,
  out: PartSink,
  ends: readonly string[],
  names?: ReadonlySet<string>,
): Reading<boolean> {
  const before = out.calls;
  const began = () => out.calls > before;
  let earlyArguments: string | undefined;
  let hasArguments = false;
  yield* source.skip('{');
  for (;;) {
    yield* source.skipAny(/[\s,]/u);
    if ((yield* source.peek()) !== '"') break;
    const key = stringValue(yield* captureJson(source, ends)) ?? '';
    yield* source.skipAny(/[\s:]/u);
    if (NAME_KEYS.has(key) && !began()) {
      if ((yield* source.peek()) === '{') {
        if (!(yield* readCallObject(source, out, ends, names))) return false;
        hasArguments = true;
        continue;
      }
      const name = stringValue(yield* captureJson(source, ends));
      if (name === undefined || name === '' || names?.has(name) === false) return false;
      out.beginCall(name);
      source.unmark();
      if (earlyArguments !== undefined) out.args(earlyArguments);
    } else if (ARGUMENT_KEYS.has(key) && !hasArguments) {
      hasArguments = true;
      if (began()) yield* readArguments(source, (text) => out.args(text), ends);
      else yield* readArguments(source, (text) => (earlyArguments = (earlyArguments ?? '') + text), ends);
    } else if (began() || OTHER_KEYS.has(key)) {
      yield* captureJson(source, ends);
    } else {
      return false;
    }
  }
  const closed = yield* source.skip('}');
  if (closed !== undefined && began() && !hasArguments) out.args('{}');
  return began();
}

/** An object passes as it comes; an object in a string, as OpenAI writes it, loses its quotes; null means none. */
function* readArguments(source: TextSource, emit: (text: string) => void, ends: readonly string[]): Reading<void> {
  const first = yield* source.peek();
  if (first === '{' || first === '[') return yield* readJson(source, emit, ends);
  const json = yield* captureJson(source, ends);
  emit(json === 'null' ? '{}' : (stringValue(json) ?? json));
}
