// The table of tool-call formats: how each is known by a chat template, which control tokens it writes, and how it is
// read. A model's format is chosen once; a reader is made for each reply. Pure.
import type { ToolSignature } from '../reply-parts.js';
import type { PartReader } from '../text-source.js';
import { FUNCTION_GEMMA, GEMMA, type GemmaMarkers, gemmaCalls, pythonicCalls } from './function-calls.js';
import { harmonyMarkers } from './harmony.js';
import { jsonCalls } from './json-calls.js';
import { deepseekCalls, deepseekMarkers, kimiCalls, kimiMarkers, mistralCalls, mistralMarkers } from './named-json.js';
import { type CallTags, DEEPSEEK_DSML, GLM, MINIMAX, QWEN_CODER, taggedCalls } from './tagged-calls.js';

export interface ToolCallFormat {
  /** Texts of which a template has at least one; the first format in the table that fits is taken. */
  signs: readonly string[];
  /** What the format writes around calls: those that are control tokens must be read as text. */
  markers: readonly string[];
  /** Absent for harmony, which reads the whole reply. */
  reader?(tools: readonly ToolSignature[]): PartReader;
  /** The template takes ids of nine letters and digits alone. */
  nineLetterIds?: true;
}

const HERMES = { opens: ['<tool_call>'], closes: ['</tool_call>'] };
const PHI = { opens: ['<|tool_call|>', 'functools'], closes: ['<|/tool_call|>'] };
const LLAMA = { opens: ['<|python_tag|>'], closes: ['<|eom_id|>'] };
const LLAMA_4 = { opens: ['<|python_start|>'], closes: ['<|python_end|>'] };
const LFM = { opens: ['<|tool_call_start|>'], closes: ['<|tool_call_end|>'] };

const namesOf = (tools: readonly ToolSignature[]) => new Set(tools.map(({ name }) => name));

const tagged = (tags: CallTags, ...signs: string[]): ToolCallFormat => ({
  signs,
  markers: [tags.open, tags.close, tags.key, tags.keyEnd, tags.value ?? '', tags.valueEnd].filter((tag) => tag !== ''),
  reader: (tools) => taggedCalls(tags, tools),
});

const gemma = (markers: GemmaMarkers): ToolCallFormat => ({
  signs: [markers.open],
  markers: Object.values(markers),
  reader: () => gemmaCalls(markers),
});

export const TOOL_CALL_FORMATS = {
  harmony: { signs: ['<|channel|>'], markers: harmonyMarkers },
  'deepseek-v3.2': tagged(DEEPSEEK_DSML, '<｜DSML｜', 'DSML'),
  deepseek: { signs: ['<｜tool▁calls▁begin｜>'], markers: deepseekMarkers, reader: deepseekCalls },
  kimi: {
    signs: ['<|tool_calls_section_begin|>', '<|tool_call_begin|>'],
    markers: kimiMarkers,
    reader: kimiCalls,
  },
  minimax: tagged(MINIMAX, '<minimax:tool_call>'),
  mistral: { signs: ['[TOOL_CALLS]'], markers: mistralMarkers, reader: mistralCalls, nineLetterIds: true },
  gemma: gemma(GEMMA),
  'function-gemma': gemma(FUNCTION_GEMMA),
  glm: tagged(GLM, '<arg_key>'),
  'qwen-coder': tagged(QWEN_CODER, '<function='),
  lfm: { signs: LFM.opens, markers: [...LFM.opens, ...LFM.closes], reader: () => pythonicCalls(LFM) },
  phi: { signs: [...PHI.opens, '<|tool|>'], markers: [...PHI.opens, ...PHI.closes], reader: () => jsonCalls(PHI) },
  pythonic: {
    signs: [...LLAMA_4.opens, '[func_name1('],
    markers: [...LLAMA_4.opens, ...LLAMA_4.closes],
    reader: (tools) => pythonicCalls({ ...LLAMA_4, bareNames: namesOf(tools) }),
  },
  hermes: { signs: HERMES.opens, markers: [...HERMES.opens, ...HERMES.closes], reader: () => jsonCalls(HERMES) },
  llama: {
    signs: ['<|python_tag|>', 'ipython'],
    markers: [...LLAMA.opens, ...LLAMA.closes],
    reader: (tools) => jsonCalls({ ...LLAMA, bareNames: namesOf(tools) }),
  },
  /** What fits most models that were not told how: tags around JSON, or the JSON alone. */
  generic: {
    signs: [''],
    markers: [...HERMES.opens, ...HERMES.closes],
    reader: (tools) => jsonCalls({ ...HERMES, bareNames: namesOf(tools) }),
  },
} as const satisfies Record<string, ToolCallFormat>;

export type ToolCallFormatName = keyof typeof TOOL_CALL_FORMATS;

/** The format that a chat template speaks of; `generic` when it names none that is known. */
export function findToolCallFormat(template: string): ToolCallFormatName {
  const entries = Object.entries(TOOL_CALL_FORMATS) as [ToolCallFormatName, ToolCallFormat][];
  return entries.find(([, { signs }]) => signs.some((sign) => template.includes(sign)))?.[0] ?? 'generic';
}
