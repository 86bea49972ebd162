// Tool calls as tags, one for each argument: Qwen3-Coder, GLM-4.5 and later, MiniMax M2, DeepSeek V3.2. A value is text;
// whether it is a string or JSON is for the tool's schema to say. Pure.
import type { PartSink, ToolSignature } from '../reply-parts.js';
import type { PartReader, Reading, TextSource } from '../text-source.js';
import { parseJson } from './json-value.js';

export interface CallTags {
  open: string;
  close: string;
  /** Before a call's name; without it the name follows `open`. */
  call?: string;
  /** After the name; those that begin with `<` are read again as what they are. */
  nameEnds: readonly string[];
  callEnd: string;
  key: string;
  keyEnd: string;
  /** Between key and value. */
  value?: string;
  valueEnd: string;
  /** Values stand on lines of their own. */
  ownLines: boolean;
}

export const QWEN_CODER: CallTags = {
  open: '<tool_call>',
  close: '</tool_call>',
  call: '<function=',
  nameEnds: ['>', '\n'],
  callEnd: '</function>',
  key: '<parameter=',
  keyEnd: '>',
  valueEnd: '</parameter>',
  ownLines: true,
};

export const GLM: CallTags = {
  open: '<tool_call>',
  close: '</tool_call>',
  nameEnds: ['\n', '<arg_key>', '</tool_call>'],
  callEnd: '</tool_call>',
  key: '<arg_key>',
  keyEnd: '</arg_key>',
  value: '<arg_value>',
  valueEnd: '</arg_value>',
  ownLines: false,
};

export const MINIMAX: CallTags = {
  open: '<minimax:tool_call>',
  close: '</minimax:tool_call>',
  call: '<invoke name=',
  nameEnds: ['>', '\n'],
  callEnd: '</invoke>',
  key: '<parameter name=',
  keyEnd: '>',
  valueEnd: '</parameter>',
  ownLines: false,
};

/** A parameter's tag also says whether it is a string: `name="city" string="true"`. */
export const DEEPSEEK_DSML: CallTags = {
  open: '<｜DSML｜function_calls>',
  close: '</｜DSML｜function_calls>',
  call: '<｜DSML｜invoke name=',
  nameEnds: ['>', '\n'],
  callEnd: '</｜DSML｜invoke>',
  key: '<｜DSML｜parameter name=',
  keyEnd: '>',
  valueEnd: '</｜DSML｜parameter>',
  ownLines: false,
};

const NAME = /^[\w.:/-]+$/u;

export function taggedCalls(tags: CallTags, tools: readonly ToolSignature[]): PartReader {
  return function* read(source, out) {
    for (;;) {
      const opens = tags.call === undefined ? [tags.open] : [tags.open, tags.call];
      const next = yield* source.upTo(opens, (text) => out.text(text));
      if (next === undefined) return;
      source.mark();
      const name = yield* readName(source, tags);
      if (name === undefined) {
        out.text(source.sinceMark());
        continue;
      }
      source.unmark();
      out.beginCall(name);
      const tool = tools.find((known) => known.name === name);
      yield* readArguments(source, out, tags, propertiesOf(tool));
      yield* source.skip(tags.callEnd);
      yield* source.space();
      yield* source.skip(tags.close);
    }
  };
}

/** Undefined for what is no beginning of a call. */
function* readName(source: TextSource, tags: CallTags): Reading<string | undefined> {
  yield* source.skip(tags.open);
  if (tags.call !== undefined) {
    yield* source.space();
    if ((yield* source.skip(tags.call)) === undefined) return undefined;
  }
  const { text, marker } = yield* source.textUpTo(...tags.nameEnds);
  if (marker === undefined) return undefined;
  if (!marker.startsWith('<')) yield* source.skip(marker);
  const name = attributeName(text);
  return NAME.test(name) ? name : undefined;
}

/** `city`, `"city"` or `"city" string="true"`. */
function attributeName(text: string): string {
  const trimmed = text.trim();
  return /^"([^"]*)"/u.exec(trimmed)?.[1] ?? trimmed;
}

/** The object stays open where the reply was cut off. */
function* readArguments(
  source: TextSource,
  out: PartSink,
  tags: CallTags,
  properties: Readonly<Record<string, unknown>>,
): Reading<void> {
  let separator = '{';
  for (;;) {
    yield* source.space();
    if ((yield* source.skip(tags.key)) === undefined) break;
    const { text: header } = yield* source.textUpTo(tags.keyEnd);
    yield* source.skip(tags.keyEnd);
    if (tags.value !== undefined) {
      yield* source.space();
      yield* source.skip(tags.value);
    }
    const key = attributeName(header);
    out.args(`${separator}${JSON.stringify(key)}: `);
    separator = ', ';
    const told = /\bstring="(true|false)"/u.exec(header)?.[1];
    const isString = told === undefined ? isOnlyString(properties[key]) : told === 'true';
    if (!(yield* readValue(source, out, tags, isString ? undefined : typesOf(properties[key])))) return;
  }
  if ((yield* source.peek()) !== '') out.args(separator === '{' ? '{}' : '}');
}

/** False when the reply ended in it. A string streams; what may be JSON is looked at when it is whole. */
function* readValue(
  source: TextSource,
  out: PartSink,
  { valueEnd, ownLines }: CallTags,
  types: readonly string[] | undefined,
): Reading<boolean> {
  if (ownLines) yield* source.skip('\n');
  if (types !== undefined) {
    const { text } = yield* source.textUpTo(valueEnd);
    const whole = (yield* source.skip(valueEnd)) !== undefined;
    out.args(whole ? typedValue(ownLines ? text.replace(/\n$/u, '') : text, types) : text);
    return whole;
  }
  out.args('"');
  let held = '';
  yield* source.upTo([valueEnd], (text) => {
    const all = held + text;
    held = ownLines && all.endsWith('\n') ? '\n' : '';
    out.args(JSON.stringify(all.slice(0, all.length - held.length)).slice(1, -1));
  });
  const whole = (yield* source.skip(valueEnd)) !== undefined;
  if (whole) out.args('"');
  return whole;
}

const PYTHON_CONSTANTS: Readonly<Record<string, string>> = { True: 'true', False: 'false', None: 'null' };

/** JSON where the text is of one of the types (any for none), else a string. */
function typedValue(text: string, types: readonly string[]): string {
  const json = PYTHON_CONSTANTS[text.trim()] ?? text.trim();
  const value = parseJson(json);
  if (value === undefined) return JSON.stringify(text);
  const fits = types.length === 0 ? typeof value !== 'string' : types.includes(typeName(value));
  return fits ? json : JSON.stringify(text);
}

function typeName(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return typeof value;
}

function propertiesOf(tool: ToolSignature | undefined): Readonly<Record<string, unknown>> {
  const properties = tool?.parameters?.properties;
  return typeof properties === 'object' && properties !== null ? (properties as Record<string, unknown>) : {};
}

function isOnlyString(schema: unknown): boolean {
  const types = typesOf(schema);
  return types.length === 1 && types[0] === 'string';
}

/** JSON types that a schema names; none when it does not say. */
function typesOf(schema: unknown): string[] {
  if (typeof schema !== 'object' || schema === null) return [];
  const { type, anyOf } = schema as { type?: unknown; anyOf?: unknown };
  if (Array.isArray(anyOf)) return anyOf.flatMap(typesOf);
  const types = [type].flat().filter((name) => typeof name === 'string');
  return types.map((name) => (name === 'integer' ? 'number' : name));
}
