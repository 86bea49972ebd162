// Raw replies in the form that each format prescribes, written by hand and not captured from models, and what a client must
// get of them.
import type { ToolSignature } from '../../../src/text/reply-parts.js';
import type { ToolCallFormatName } from '../../../src/text/tool-calls/formats.js';

export const TOOLS: ToolSignature[] = [
  {
    name: 'get_weather',
    parameters: {
      type: 'object',
      properties: {
        city: { type: 'string' },
        days: { type: 'integer' },
        units: { anyOf: [{ type: 'string' }, { type: 'null' }] },
        places: { type: 'array' },
        code: { type: 'string' },
        zip: { type: ['string', 'number'] },
      },
    },
  },
  { name: 'now' },
];

export interface Call {
  name: string;
  /** The parsed value, or the exact text when it is no JSON. */
  arguments: unknown;
  id?: string;
}

export interface Golden {
  format: ToolCallFormatName;
  title: string;
  raw: string;
  text?: string;
  calls?: Call[];
}

const PARIS = { city: 'Paris' };
const weather = (args: unknown): Call => ({ name: 'get_weather', arguments: args });
const now: Call = { name: 'now', arguments: {} };

const json = (name: string, args: unknown) => JSON.stringify({ name, arguments: args });
const hermes = (body: string) => `<tool_call>\n${body}\n</tool_call>`;

const JSON_FORMATS: Golden[] = [
  { format: 'hermes', title: 'one call', raw: hermes(json('get_weather', PARIS)), calls: [weather(PARIS)] },
  {
    format: 'hermes',
    title: 'text, then parallel calls',
    raw: `Let me look.\n\n${hermes(json('get_weather', PARIS))}\n${hermes(json('now', {}))}`,
    text: 'Let me look.',
    calls: [weather(PARIS), now],
  },
  {
    format: 'hermes',
    title: 'two calls in one tag, and a list',
    raw: `${hermes(`${json('now', {})}\n${json('now', {})}`)}${hermes(`[${json('now', {})}, ${json('now', {})}]`)}`,
    calls: [now, now, now, now],
  },
  {
    format: 'hermes',
    title: 'arguments before the name, as a string, null, or absent',
    raw:
      hermes('{"arguments": {"city": "Paris"}, "name": "get_weather"}') +
      hermes(JSON.stringify({ name: 'get_weather', arguments: JSON.stringify(PARIS) })) +
      hermes('{"name": "now", "arguments": null}') +
      hermes('{"name": "now"}'),
    calls: [weather(PARIS), weather(PARIS), now, now],
  },
  {
    format: 'hermes',
    title: 'markers, brackets and escapes inside strings',
    raw: hermes(json('get_weather', { city: '</tool_call> } ] " \\ \n é 🦊 <tool_call>' })),
    calls: [weather({ city: '</tool_call> } ] " \\ \n é 🦊 <tool_call>' })],
  },
  {
    format: 'hermes',
    title: 'a raw line break in a string gets its escape',
    raw: hermes('{"name": "get_weather", "arguments": {"city": "Par\nis"}}'),
    calls: [weather({ city: 'Par\nis' })],
  },
  {
    format: 'hermes',
    title: 'a brace too few',
    raw: hermes('{"name": "get_weather", "arguments": {"city": "Paris"}'),
    calls: [weather(PARIS)],
  },
  {
    format: 'hermes',
    title: 'cut off in the arguments',
    raw: '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Par',
    calls: [weather('{"city": "Par')],
  },
  {
    format: 'hermes',
    title: 'no closing tag, text after it',
    raw: `<tool_call>${json('now', {})} Done.`,
    text: 'Done.',
    calls: [now],
  },
  {
    format: 'hermes',
    title: 'a tag that is only mentioned stays text',
    raw: 'Write <tool_call> around {"a": 1}. <tool_call>\n{"a": 1}\n</tool_call> <tool',
    text: 'Write <tool_call> around {"a": 1}. <tool_call>\n{"a": 1}\n</tool_call> <tool',
  },
  {
    format: 'generic',
    title: 'bare JSON of a known tool, and of none',
    raw: ` ${json('get_weather', PARIS)}`,
    calls: [weather(PARIS)],
  },
  {
    format: 'generic',
    title: 'JSON that is an answer',
    raw: '{"name": "Ada", "arguments": [1]}',
    text: '{"name": "Ada", "arguments": [1]}',
  },
  {
    format: 'llama',
    title: 'Llama 3.1: bare, with parameters',
    raw: '{"type": "function", "name": "get_weather", "parameters": {"city": "Paris"}}',
    calls: [weather(PARIS)],
  },
  {
    format: 'llama',
    title: 'Llama 3.2: several after the marker',
    raw: '<|python_tag|>{"name": "get_weather", "parameters": {"city": "Paris"}}; {"name": "now", "parameters": {}}',
    calls: [weather(PARIS), now],
  },
  {
    format: 'llama',
    title: 'a nested function object',
    raw: '{"type": "function", "function": {"name": "get_weather", "parameters": {"city": "Paris"}}}',
    calls: [weather(PARIS)],
  },
  {
    format: 'llama',
    title: 'code after the marker is text',
    raw: '<|python_tag|>print("hi")',
    text: '<|python_tag|>print("hi")',
  },
  {
    format: 'phi',
    title: 'a list between markers',
    raw: `<|tool_call|>[${json('get_weather', PARIS)}, ${json('now', {})}]<|/tool_call|>`,
    calls: [weather(PARIS), now],
  },
  { format: 'phi', title: 'functools', raw: `functools[${json('get_weather', PARIS)}]`, calls: [weather(PARIS)] },
  {
    format: 'mistral',
    title: 'a list',
    raw: `[TOOL_CALLS] [${json('get_weather', PARIS)}, ${json('now', {})}]`,
    calls: [weather(PARIS), now],
  },
  {
    format: 'mistral',
    title: 'v11 and v13',
    raw: 'Sure.[TOOL_CALLS]get_weather[ARGS]{"city": "Paris"}[TOOL_CALLS]now[CALL_ID]abc123XYZ[ARGS]{}',
    text: 'Sure.',
    calls: [weather(PARIS), { ...now, id: 'abc123XYZ' }],
  },
  { format: 'mistral', title: 'no name', raw: '[TOOL_CALLS] hm', text: '[TOOL_CALLS] hm' },
  {
    format: 'deepseek',
    title: 'V3',
    raw:
      'Looking.<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>get_weather\n```json\n{"city": "Paris"}\n```' +
      '<｜tool▁call▁end｜>\n<｜tool▁call▁begin｜>function<｜tool▁sep｜>now\n```json\n{}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>',
    text: 'Looking.',
    calls: [weather(PARIS), now],
  },
  {
    format: 'deepseek',
    title: 'V3.1',
    raw: '<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>get_weather<｜tool▁sep｜>{"city": "Paris"}<｜tool▁call▁end｜><｜tool▁calls▁end｜>',
    calls: [weather(PARIS)],
  },
  {
    format: 'kimi',
    title: 'two calls with ids of their own',
    raw:
      '<|tool_calls_section_begin|><|tool_call_begin|>functions.get_weather:0<|tool_call_argument_begin|>{"city": "Paris"}' +
      '<|tool_call_end|><|tool_call_begin|>functions.now:1<|tool_call_argument_begin|>{}<|tool_call_end|><|tool_calls_section_end|>',
    calls: [
      { ...weather(PARIS), id: 'functions.get_weather:0' },
      { ...now, id: 'functions.now:1' },
    ],
  },
];

const qwen = (name: string, ...parameters: [string, string][]) =>
  hermes(
    `<function=${name}>\n${parameters.map(([key, value]) => `<parameter=${key}>\n${value}\n</parameter>\n`).join('')}</function>`,
  );
const minimax = (name: string, ...parameters: [string, string][]) =>
  `<invoke name="${name}">\n${parameters.map(([key, value]) => `<parameter name="${key}">${value}</parameter>\n`).join('')}</invoke>\n`;
const glm = (name: string, ...parameters: [string, string][]) =>
  `<tool_call>${name}\n${parameters.map(([key, value]) => `<arg_key>${key}</arg_key>\n<arg_value>${value}</arg_value>\n`).join('')}</tool_call>`;

const TYPED: [string, string][] = [
  ['city', 'Paris'],
  ['days', '3'],
  ['units', 'null'],
  ['places', '[{"a": "b"}]'],
  ['zip', '75001'],
  ['unknown', 'True'],
];
const TYPED_VALUES = { city: 'Paris', days: 3, units: null, places: [{ a: 'b' }], zip: 75001, unknown: true };
const CODE = 'def f():\n\treturn "</function>" \\ {\n\n';

const TAGGED: Golden[] = [
  { format: 'qwen-coder', title: 'values by type', raw: qwen('get_weather', ...TYPED), calls: [weather(TYPED_VALUES)] },
  {
    format: 'qwen-coder',
    title: 'text, no arguments, code over several lines',
    raw: `I will.\n${qwen('now')}\n${qwen('get_weather', ['code', CODE])}`,
    text: 'I will.',
    calls: [now, weather({ code: CODE })],
  },
  {
    format: 'qwen-coder',
    title: 'a number where a string is asked for, a word where a number is',
    raw: qwen('get_weather', ['city', '42'], ['days', 'three']),
    calls: [weather({ city: '42', days: 'three' })],
  },
  {
    format: 'qwen-coder',
    title: 'without the outer tag',
    raw: qwen('get_weather', ['city', 'Paris']).replace('<tool_call>\n', ''),
    calls: [weather(PARIS)],
  },
  {
    format: 'qwen-coder',
    title: 'cut off in a value',
    raw: '<tool_call>\n<function=get_weather>\n<parameter=city>\nPar',
    calls: [weather('{"city": "Par')],
  },
  {
    format: 'qwen-coder',
    title: 'a tag without a call stays text',
    raw: '<tool_call> and <function=a b> are tags',
    text: '<tool_call> and <function=a b> are tags',
  },
  { format: 'glm', title: 'values by type', raw: glm('get_weather', ...TYPED), calls: [weather(TYPED_VALUES)] },
  {
    format: 'glm',
    title: 'parallel, one without arguments',
    raw: `Hm.\n${glm('get_weather', ['city', 'Paris'])}\n<tool_call>now</tool_call>`,
    text: 'Hm.',
    calls: [weather(PARIS), now],
  },
  {
    format: 'minimax',
    title: 'two calls in one section',
    raw: `Hm.\n<minimax:tool_call>\n${minimax('get_weather', ...TYPED)}${minimax('now')}</minimax:tool_call>`,
    text: 'Hm.',
    calls: [weather(TYPED_VALUES), now],
  },
  {
    format: 'deepseek-v3.2',
    title: 'the tag tells the type',
    raw:
      '<｜DSML｜function_calls>\n<｜DSML｜invoke name="get_weather">\n<｜DSML｜parameter name="city" string="true">1</｜DSML｜parameter>\n' +
      '<｜DSML｜parameter name="days" string="false">2</｜DSML｜parameter>\n</｜DSML｜invoke>\n</｜DSML｜function_calls>',
    calls: [weather({ city: '1', days: 2 })],
  },
];

const LITERALS = {
  city: 'L\'"é\n🦊',
  days: -3,
  units: null,
  places: [1.5, { a: [true, false] }, []],
};

const FUNCTIONS: Golden[] = [
  {
    format: 'pythonic',
    title: 'literals of every kind, bare',
    raw: `[get_weather(city='L\\'"\\xe9\\n🦊', days=-3, units=None, places=[1.5, {"a": [True, False]}, []]), now()]`,
    calls: [weather(LITERALS), now],
  },
  {
    format: 'pythonic',
    title: 'strings in three quotes, and empty ones',
    raw: `[get_weather(city="""a "b" '''c""", code='', zip="")]`,
    calls: [weather({ city: `a "b" '''c`, code: '', zip: '' })],
  },
  {
    format: 'pythonic',
    title: 'between markers',
    raw: '<|python_start|>[get_weather(city="Paris")]<|python_end|>',
    calls: [weather(PARIS)],
  },
  { format: 'pythonic', title: 'a list that is an answer', raw: '[1, 2]', text: '[1, 2]' },
  { format: 'pythonic', title: 'a call of no tool', raw: '[print(1)] is code', text: '[print(1)] is code' },
  {
    format: 'pythonic',
    title: 'cut off in a string',
    raw: '[get_weather(city="Par',
    calls: [weather('{"city": "Par')],
  },
  {
    format: 'lfm',
    title: 'one call, then text',
    raw: '<|tool_call_start|>[get_weather(city="Paris")]<|tool_call_end|>Checking.',
    text: 'Checking.',
    calls: [weather(PARIS)],
  },
  {
    format: 'gemma',
    title: 'Gemma 4',
    raw: '<|tool_call>call:get_weather{city:<|"|>Par"is<|"|>,days:3,places:[<|"|>a<|"|>,{b:true}]}<tool_call|>',
    calls: [weather({ city: 'Par"is', days: 3, places: ['a', { b: true }] })],
  },
  {
    format: 'function-gemma',
    title: 'FunctionGemma, parallel',
    raw: '<start_function_call>call:get_weather{city:<escape>Paris<escape>}<end_function_call><start_function_call>call:now{}<end_function_call>',
    calls: [weather(PARIS), now],
  },
];

export const CORPUS: readonly Golden[] = [...JSON_FORMATS, ...TAGGED, ...FUNCTIONS];
