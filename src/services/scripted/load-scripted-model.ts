// A model of a folder's tokenizer and chat template, and of a script in place of weights. Development builds only.
import { readFile } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { readChatTemplateFiles } from '../../text/chat-template-files.js';
import { loadTokenizer } from '../../text/tokenizer.js';
import type { ToolCallFormatName } from '../../text/tool-calls/formats.js';
import { serveModel } from '../served-model.js';
import type { ServedModel } from '../types.js';
import { parseScript, ScriptedEngine } from './scripted-engine.js';

export interface ScriptedModelOptions {
  /** Of tokenizer.json and the chat template; needs no weights. */
  folder: string;
  scriptFile: string;
  toolFormat?: ToolCallFormatName;
}

/** Its id is `scripted-` and the folder's name. */
export async function loadScriptedModel({
  folder,
  scriptFile,
  toolFormat,
}: ScriptedModelOptions): Promise<ServedModel> {
  const path = resolve(folder);
  const [script, tokenizer, template] = await Promise.all([
    readFile(scriptFile, 'utf8').then(parseScript),
    loadTokenizer(path),
    readChatTemplateFiles(path),
  ]);
  const engine = new ScriptedEngine(script, tokenizer);
  const id = `scripted-${basename(path)}`;
  return serveModel({ id, created: 0, engine, tokenizer, template, ...(toolFormat ? { toolFormat } : {}) });
}
