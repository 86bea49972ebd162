import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { readChatTemplateFiles, requireTemplate } from '../../src/text/chat-template-files.js';
import { ChatTemplateError, TokenizerError } from '../../src/text/types.js';

const folders: string[] = [];

function folderWith(files: Record<string, object | string>): string {
  const folder = mkdtempSync(join(tmpdir(), 'mlxd-template-'));
  folders.push(folder);
  for (const [name, content] of Object.entries(files)) {
    writeFileSync(join(folder, name), typeof content === 'string' ? content : JSON.stringify(content));
  }
  return folder;
}

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

describe('readChatTemplateFiles', () => {
  const named = [
    { name: 'tool_use', template: 'tools' },
    { name: 'default', template: 'plain' },
  ];

  it.each([
    ['in tokenizer_config.json', { 'tokenizer_config.json': { chat_template: 'config' } }, 'config'],
    ['the default of several', { 'tokenizer_config.json': { chat_template: named } }, 'plain'],
    [
      'the first of several without a default',
      { 'tokenizer_config.json': { chat_template: named.slice(0, 1) } },
      'tools',
    ],
    ['in chat_template.json', { 'chat_template.json': { chat_template: 'json' } }, 'json'],
    [
      'in chat_template.jinja, before all others',
      {
        'chat_template.jinja': 'jinja\n',
        'chat_template.json': { chat_template: 'json' },
        'tokenizer_config.json': { chat_template: 'config' },
      },
      'jinja\n',
    ],
    ['nowhere', { 'tokenizer_config.json': { chat_template: null } }, undefined],
    ['nowhere, in an empty folder', {}, undefined],
  ])('finds the template %s', async (_, files, template) => {
    expect((await readChatTemplateFiles(folderWith(files))).template).toBe(template);
  });

  it('reads special tokens, written as text or as objects', async () => {
    const config = {
      bos_token: null,
      eos_token: '</s>',
      unk_token: { content: '<unk>', lstrip: false },
      model_max_length: 9,
    };
    const { specialTokens } = await readChatTemplateFiles(folderWith({ 'tokenizer_config.json': config }));
    expect(specialTokens).toEqual({ eos_token: '</s>', unk_token: '<unk>' });
  });

  it.each([
    ['cut', '{"eos_token": ', /tokenizer_config\.json is not valid JSON/],
    ['wrong', '{"eos_token": 7}', /tokenizer_config\.json: eos_token/],
  ])('refuses a tokenizer_config.json that is %s', async (_, source, message) => {
    const reading = readChatTemplateFiles(folderWith({ 'tokenizer_config.json': source }));
    await expect(reading).rejects.toThrow(TokenizerError);
    await expect(reading).rejects.toThrow(message);
  });
});

describe('requireTemplate', () => {
  it('names the model that has none, and what to do', () => {
    expect(requireTemplate('x', 'tiny')).toBe('x');
    expect(() => requireTemplate(undefined, 'tiny')).toThrow(ChatTemplateError);
    expect(() => requireTemplate(undefined, 'tiny')).toThrow(/tiny has no chat template.*chat_template\.jinja/u);
  });
});
