// Tool calls as a name, a marker, and the arguments as JSON: Mistral since v11, DeepSeek V3 and V3.1, Kimi K2. Pure.
import type { PartSink } from '../reply-parts.js';
import type { PartReader, Reading, TextSource } from '../text-source.js';
import { readCallList } from './json-calls.js';
import { readJson } from './json-value.js';

interface Markers {
  section: string;
  sectionEnd: string;
  call: string;
  /** Between the name and the arguments. */
  separator: string;
  callEnd: string;
}

export const DEEPSEEK: Markers = {
  section: '<｜tool▁calls▁begin｜>',
  sectionEnd: '<｜tool▁calls▁end｜>',
  call: '<｜tool▁call▁begin｜>',
  separator: '<｜tool▁sep｜>',
  callEnd: '<｜tool▁call▁end｜>',
};

export const KIMI: Markers = {
  section: '<|tool_calls_section_begin|>',
  sectionEnd: '<|tool_calls_section_end|>',
  call: '<|tool_call_begin|>',
  separator: '<|tool_call_argument_begin|>',
  callEnd: '<|tool_call_end|>',
};

export const MISTRAL = { calls: '[TOOL_CALLS]', id: '[CALL_ID]', args: '[ARGS]' };

export const deepseekMarkers = Object.values(DEEPSEEK);
export const kimiMarkers = Object.values(KIMI);
export const mistralMarkers = Object.values(MISTRAL);

/** `function<sep>name\n```json\n{…}\n```` in V3, `name<sep>{…}` since V3.1. */
export const deepseekCalls = (): PartReader =>
  sectionCalls(DEEPSEEK, function* beginCall(header, source, out) {
    yield* source.space();
    if ((yield* source.peek()) === '{') return out.beginCall(header);
    const { text: name, marker } = yield* source.textUpTo('\n', DEEPSEEK.callEnd);
    if (marker === undefined || name.trim() === '') return;
    out.beginCall(name.trim());
    yield* source.space();
    yield* source.skip('```');
    yield* source.skip('json');
    yield* source.space();
  });

/** `functions.name:0<sep>{…}`: all before the separator is the call's id, which the model wants to see again. */
export const kimiCalls = (): PartReader =>
  // biome-ignore lint/correctness/useYield: it has the text that it needs
  sectionCalls(KIMI, function* beginCall(header, _, out) {
    const name = header.replace(/^functions\./u, '').replace(/:\d+$/u, '');
    out.beginCall(name, header);
  });

/** Begins a call, unless there is no name. */
type BeginCall = (header: string, source: TextSource, out: PartSink) => Reading<void>;

function sectionCalls(markers: Markers, beginCall: BeginCall): PartReader {
  const { section, sectionEnd, call } = markers;
  return function* read(source, out) {
    for (;;) {
      // The end of a section is layout only where a call was.
      const layout = out.calls === 0 ? [section, call] : [section, call, sectionEnd];
      const next = yield* source.upTo(layout, (text) => out.text(text));
      if (next === undefined) return;
      source.mark();
      yield* source.skip(next);
      if (next === sectionEnd) {
        source.unmark();
        continue;
      }
      yield* source.space();
      const begins = next === call || (yield* source.skip(call)) !== undefined;
      if (!begins || !(yield* readSectionCall(source, out, markers, beginCall))) out.text(source.sinceMark());
    }
  };
}

/** One call after its first marker. False, with nothing said yet, when it has no name. */
function* readSectionCall(
  source: TextSource,
  out: PartSink,
  { sectionEnd, call, separator, callEnd }: Markers,
  beginCall: BeginCall,
): Reading<boolean> {
  const before = out.calls;
  const { text, marker } = yield* source.textUpTo(separator, callEnd, call);
  if (marker !== separator) return false;
  yield* source.skip(separator);
  yield* beginCall(text.trim(), source, out);
  if (out.calls === before) return false;
  source.unmark();
  yield* source.space();
  yield* readJson(source, (json) => out.args(json), [callEnd, sectionEnd]);
  yield* source.space();
  yield* source.skip('```');
  yield* source.space();
  yield* source.skip(callEnd);
  return true;
}

/** `[TOOL_CALLS]name[ARGS]{…}` for each call, or one `[TOOL_CALLS][{"name": …, "arguments": …}, …]`. */
export const mistralCalls = (): PartReader =>
  function* read(source, out) {
    for (;;) {
      const open = yield* source.upTo([MISTRAL.calls], (text) => out.text(text));
      if (open === undefined) return;
      source.mark();
      yield* source.skip(open);
      yield* source.space();
      const first = yield* source.peek();
      if (first === '[' || first === '{') yield* readCallList(source, out, []);
      else yield* readMistralCall(source, out);
    }
  };

function* readMistralCall(source: TextSource, out: PartSink): Reading<void> {
  const { text: name, marker } = yield* source.textUpTo(MISTRAL.id, MISTRAL.args, MISTRAL.calls, '{');
  if (name.trim() === '' || marker === undefined || marker === MISTRAL.calls) {
    out.text(source.sinceMark());
    return;
  }
  source.unmark();
  let id: string | undefined;
  if ((yield* source.skip(MISTRAL.id)) !== undefined) id = (yield* source.textUpTo(MISTRAL.args, '{')).text.trim();
  yield* source.skip(MISTRAL.args);
  yield* source.space();
  out.beginCall(name.trim(), id);
  yield* readJson(source, (json) => out.args(json), [MISTRAL.calls]);
}
