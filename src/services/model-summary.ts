// What a model is, what it can do and what it will need: facts for `mlxd show`, read from its small files and the headers
// of its weights.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { inspectModel } from '../engine/inspect.js';
import { EngineError, type EngineOptions, type ModelOutline } from '../engine/types.js';
import { readChatTemplateFiles } from '../text/chat-template-files.js';
import { findReplyFormat } from '../text/reply-format.js';
import { loadTokenizer } from '../text/tokenizer.js';
import type { ToolCallFormatName } from '../text/tool-calls/formats.js';
import { type Tokenizer, TokenizerError } from '../text/types.js';
import type { ModelStore, StoredModel } from './model-store.js';
import { treatmentOfSystem } from './prompt.js';
import { writesTools } from './template-context.js';
import { TemplateRenderer } from './template-renderer.js';

export interface TokenizerSummary {
  /** As tokenizer.json names it: BPE, Unigram, ... */
  kind: string;
  vocabSize: number;
}

export interface ChatSummary {
  /** Whether the template itself writes the tools that a request offers; else we add words that do. */
  templateHasTools: boolean;
  /** How calls in replies are read. */
  toolFormat: ToolCallFormatName;
  system: 'written' | 'ignored' | 'refused';
  /** Whether replies hold reasoning that is told from the answer. */
  thinks: boolean;
}

export interface ModelSummary extends StoredModel {
  /** Absent where the model cannot be loaded. */
  outline?: ModelOutline;
  tokenizer?: TokenizerSummary;
  /** Absent for a model that has no chat template. */
  chat?: ChatSummary;
  /** Why it cannot be loaded; empty if it can. */
  problems: string[];
}

export interface SummaryOptions extends Omit<EngineOptions, 'modelPath'> {
  /** Tokens to tell the memory for; default: all of the model's context. */
  context?: number;
  toolFormat?: ToolCallFormatName;
}

/** Throws ModelNotFoundError, ModelFolderError and NativeLoadError; other faults of a model are among its problems. */
export async function summarizeModel(
  store: ModelStore,
  nameOrPath: string,
  { context = 0, toolFormat, ...engine }: SummaryOptions = {},
): Promise<ModelSummary> {
  const stored = await store.find(nameOrPath);
  const { folder } = stored;
  const problems: string[] = [];
  const outline = await attempt(problems, () => inspectModel({ ...engine, modelPath: folder }, context));
  const tokenizer = await attempt(problems, () => loadTokenizer(folder));
  const chat = tokenizer && (await attempt(problems, () => summarizeChat(stored, tokenizer, toolFormat)));
  return {
    ...stored,
    ...(outline ? { outline } : {}),
    ...(tokenizer ? { tokenizer: { kind: await tokenizerKind(folder), vocabSize: tokenizer.vocabSize } } : {}),
    ...(chat ? { chat } : {}),
    problems,
  };
}

async function attempt<T>(problems: string[], make: () => T | Promise<T>): Promise<T | undefined> {
  try {
    return await make();
  } catch (error) {
    if (!(error instanceof EngineError || error instanceof TokenizerError)) throw error;
    problems.push(error.message);
    return undefined;
  }
}

async function summarizeChat(
  { name, folder }: StoredModel,
  tokenizer: Tokenizer,
  toolFormat: ToolCallFormatName | undefined,
): Promise<ChatSummary | undefined> {
  const template = await readChatTemplateFiles(folder);
  if (template.template === undefined) return undefined;
  const format = findReplyFormat(template.template, toolFormat);
  const renderer = new TemplateRenderer();
  try {
    return {
      templateHasTools: writesTools(template.template),
      toolFormat: format.toolCalls,
      system: await treatmentOfSystem({ model: name, tokenizer, template, format, renderer }),
      thinks: format.toolCalls === 'harmony' || format.thinkTags !== undefined,
    };
  } finally {
    await renderer.close();
  }
}

const tokenizerJson = z.looseObject({ model: z.looseObject({ type: z.string().default('BPE') }) });

async function tokenizerKind(folder: string): Promise<string> {
  const json: unknown = JSON.parse(await readFile(join(folder, 'tokenizer.json'), 'utf8'));
  return tokenizerJson.parse(json).model.type;
}
