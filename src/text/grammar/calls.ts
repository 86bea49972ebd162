// Tool calls in each model's own format as grammars: the counterpart of the readers in ../tool-calls. Pure.

import type { ToolCallFormatName } from '../tool-calls/formats.js';
import { FUNCTION_GEMMA, GEMMA, type GemmaMarkers } from '../tool-calls/function-calls.js';
import { DEEPSEEK, KIMI, MISTRAL } from '../tool-calls/named-json.js';
import { DEEPSEEK_DSML, GLM, MINIMAX, QWEN_CODER } from '../tool-calls/tagged-calls.js';
import { type JsonSchema, json, oneOf, type RuleBook } from './lark.js';
import { gemmaSyntax, LiteralRules, PYTHON_SYNTAX } from './literals.js';
import { type TaggedLayout, taggedCall } from './tagged.js';

/** A tool as a grammar calls it; the schema is of an object, and checkSchema has passed it. */
export interface GrammarTool {
  name: string;
  schema: JsonSchema;
}

/** How a format writes calls: texts around them, and each call. */
export interface CallLayout {
  /** What a reply with calls begins with: seen in free text, it begins a call. Absent where calls stand bare. */
  open?: string;
  /** Of text that is not a call, where calls stand bare. */
  plain?: string;
  /** After `open`, before the first call. */
  section?: string;
  between: string;
  close: string;
  call(book: RuleBook, tool: GrammarTool): string;
}

type JsonKey = 'arguments' | 'parameters';

const jsonCall =
  (key: JsonKey, before = '', after = '') =>
  (book: RuleBook, { name, schema }: GrammarTool): string =>
    `${book.text(`${before}{"name": ${JSON.stringify(name)}, "${key}": `)} ${json(schema)} ${book.text(`}${after}`)}`;

const tagged = (layout: TaggedLayout, opensEach: boolean): CallLayout => {
  const { open, close } = layout.tags;
  const newline = layout.tags.call === undefined ? '' : '\n';
  return {
    open,
    section: newline,
    between: opensEach ? `${close}\n${open}${newline}` : '',
    close,
    call: (book, { name, schema }) => taggedCall(book, layout, name, schema),
  };
};

const gemma = (markers: GemmaMarkers): CallLayout => ({
  open: markers.open,
  between: `${markers.close}${markers.open}`,
  close: markers.close,
  call(book, { name, schema }) {
    const rules = new LiteralRules(book, gemmaSyntax(markers.quote), schema);
    const pairs = rules.pairs(schema, (key, value) => `${book.text(`${key}:`)} ${value}`);
    return `${book.text(`call:${name}{`)} ${pairs} ${book.text('}')}`;
  },
});

const pythonic = (open: string | undefined, close: string): CallLayout => ({
  ...(open === undefined ? { plain: '/[^\\[ \\n](.|\\n)*/' } : { open }),
  section: '[',
  between: ', ',
  close: `]${close}`,
  call(book, { name, schema }) {
    const pairs = new LiteralRules(book, PYTHON_SYNTAX, schema).pairs(
      schema,
      (key, value) => `${book.text(`${key}=`)} ${value}`,
    );
    return `${book.text(`${name}(`)} ${pairs} ${book.text(')')}`;
  },
});

const HERMES: CallLayout = {
  open: '<tool_call>',
  section: '\n',
  between: '\n</tool_call>\n<tool_call>\n',
  close: '\n</tool_call>',
  call: jsonCall('arguments'),
};

/** Without `[ARGS]` among its tokens a model writes lists of objects. */
const mistralList: CallLayout = {
  open: MISTRAL.calls,
  section: '[',
  between: ', ',
  close: ']',
  call: jsonCall('arguments'),
};

const mistralNamed: CallLayout = {
  open: MISTRAL.calls,
  between: MISTRAL.calls,
  close: '',
  call: (book, { name, schema }) => `${book.text(`${name}${MISTRAL.args}`)} ${json(schema)}`,
};

const deepseek: CallLayout = {
  open: DEEPSEEK.section,
  between: '',
  close: DEEPSEEK.sectionEnd,
  call(book, { name, schema }) {
    const { call, separator, callEnd } = DEEPSEEK;
    const old = `${book.text(`function${separator}${name}\n\`\`\`json\n`)} ${json(schema)} ${book.text('\n```')}`;
    const plain = `${book.text(`${name}${separator}`)} ${json(schema)}`;
    return `${book.text(call)} ${oneOf([old, plain])} ${book.text(callEnd)}`;
  },
};

const kimi: CallLayout = {
  open: KIMI.section,
  between: '',
  close: KIMI.sectionEnd,
  call(book, { name, schema }) {
    const { call, separator, callEnd } = KIMI;
    return `${book.text(`${call}functions.${name}:`)} /[0-9]{1,3}/ ${book.text(separator)} ${json(schema)} ${book.text(callEnd)}`;
  },
};

/** Without harmony, whose whole replies are in harmony.ts, and Mistral's models, of which there are two kinds. */
type Layouts = Record<Exclude<ToolCallFormatName, 'harmony' | 'mistral'>, CallLayout>;

const LAYOUTS: Layouts = {
  hermes: HERMES,
  generic: HERMES,
  phi: { open: '<|tool_call|>', section: '[', between: ', ', close: ']<|/tool_call|>', call: jsonCall('arguments') },
  llama: { plain: '/[^{ \\n](.|\\n)*/', between: '; ', close: '', call: jsonCall('parameters') },
  'qwen-coder': tagged({ tags: QWEN_CODER, nameEnd: '>', quotes: false, tellsStrings: false }, true),
  glm: tagged({ tags: GLM, nameEnd: '', quotes: false, tellsStrings: false }, true),
  minimax: tagged({ tags: MINIMAX, nameEnd: '>', quotes: true, tellsStrings: false }, false),
  'deepseek-v3.2': tagged({ tags: DEEPSEEK_DSML, nameEnd: '>', quotes: true, tellsStrings: true }, false),
  deepseek,
  kimi,
  lfm: pythonic('<|tool_call_start|>', '<|tool_call_end|>'),
  pythonic: pythonic(undefined, ''),
  gemma: gemma(GEMMA),
  'function-gemma': gemma(FUNCTION_GEMMA),
};

/** How a model with these control tokens writes calls. */
export function callLayout(
  format: Exclude<ToolCallFormatName, 'harmony'>,
  controlTokens: readonly string[],
): CallLayout {
  if (format !== 'mistral') return LAYOUTS[format];
  return controlTokens.includes(MISTRAL.args) ? mistralNamed : mistralList;
}

/** Calls of these tools after the layout's `open`: one, or several where `parallel`. */
export function callsExpression(
  book: RuleBook,
  layout: CallLayout,
  tools: readonly GrammarTool[],
  parallel: boolean,
): string {
  const { section = '', between, close } = layout;
  const one = book.add(oneOf(tools.map((tool) => layout.call(book, tool))));
  const more = parallel ? `(${between === '' ? '' : `${book.text(between)} `}${one})*` : '';
  return [section === '' ? '' : book.text(section), one, more, close === '' ? '' : book.text(close)]
    .filter((part) => part !== '')
    .join(' ');
}
