// What published models get to read: messages of the wire through their own chat templates and vocabularies, against what
// their authors' libraries make of them (scripts/fixtures/make_family_text_fixtures.py).
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { chatMessages } from '../../src/schemas/chat-messages.js';
import { toChatMessages } from '../../src/server/routes/chat-messages-mapper.js';
import { templateContext, writesTools } from '../../src/services/template-context.js';
import type { ToolDefinition } from '../../src/services/types.js';
import { ChatTemplate } from '../../src/text/chat-template.js';
import { unshield } from '../../src/text/control-tokens.js';
import { findReplyFormat } from '../../src/text/reply-format.js';
import { javascriptBackend, loadBackend } from '../../src/text/tokenizer-backends.js';
import { loadDefinition } from '../text/fixtures.js';

interface Chat {
  name: string;
  prompt: boolean;
  messages: object[];
  tools?: { function: ToolDefinition }[];
}
interface Template {
  name: string;
  template: string;
  special_tokens: Record<string, string>;
  tokenizer: string | null;
  cases: { chat: string; rendered?: string; ids?: number[]; error?: string }[];
}

const FOLDER = new URL('../fixtures/text/families/', import.meta.url);
const read = <T>(name: string) => JSON.parse(readFileSync(new URL(name, FOLDER), 'utf8')) as T;
const { day, texts, chats, templates } = read<{ day: string; texts: string[]; chats: Chat[]; templates: Template[] }>(
  'chats.json',
);
const vocabulary = (name: string) => read<{ tokenizer: object; ids: number[][] }>(`${name}.json`);

/** What of a text a vocabulary does not keep apart. */
const AS_READ: Record<string, (text: string) => string> = {
  qwen: (text) => text.normalize('NFC'),
  'mistral-v3': (text) => text.replaceAll('▁', ' '),
};

describe.each(['qwen', 'mistral-nemo', 'mistral-v3', 'gpt-oss', 'phi-4'])('texts in the vocabulary of %s', (name) => {
  it.each(Object.entries({ native: loadBackend, javascript: javascriptBackend }))('%s', async (_backend, load) => {
    const { tokenizer: definition, ids } = vocabulary(name);
    const tokenizer = await loadDefinition(definition, load);
    for (const [i, text] of texts.entries()) {
      expect([...(await tokenizer.encode(text))], JSON.stringify(text)).toEqual(ids[i]);
      expect(tokenizer.decode(ids[i] ?? [])).toBe(AS_READ[name]?.(text) ?? text);
    }
  });
});

describe.each(templates)(
  'messages in the template of $name',
  ({ template, special_tokens, tokenizer: name, cases }) => {
    beforeEach(() => {
      vi.useFakeTimers({ now: new Date(`${day}T12:00:00`), toFake: ['Date'] });
    });
    afterEach(() => {
      vi.useRealTimers();
    });

    it.each(cases)('$chat', async ({ chat: chatName, rendered, ids, error }) => {
      const tokenizer = name === null ? undefined : await loadDefinition(vocabulary(name).tokenizer);
      const chat = chats.find((one) => one.name === chatName) as Chat;
      const format = findReplyFormat(template);
      const conversation = {
        messages: toChatMessages(chatMessages.parse(chat.messages)),
        tools: (chat.tools ?? []).map((tool) => tool.function),
      };
      const info = { template, format, controlTokens: tokenizer?.controlTokens ?? [] };
      const render = () =>
        new ChatTemplate(template).render({
          ...special_tokens,
          ...templateContext(info, conversation),
          add_generation_prompt: chat.prompt,
        });
      if (error !== undefined) {
        expect(render).toThrow(expect.objectContaining({ code: 'rejected', message: error }));
        return;
      }
      const prompt = render();
      expect(unshield(prompt)).toBe(rendered);
      if (tokenizer) expect([...(await tokenizer.encodePrompt(prompt))]).toEqual(ids);
    });
  },
);

/** Of the table in docs/models.md. */
function row({ name, template, tokenizer, cases }: Template): string {
  const { toolCalls, thinkTags } = findReplyFormat(template);
  const refused = cases.filter(({ error }) => error !== undefined).length;
  const cells = [
    name,
    toolCalls,
    writesTools(template) ? 'its own' : 'ours',
    toolCalls === 'harmony' ? 'channel' : (thinkTags?.open.replaceAll(/[<>]/g, '') ?? '-'),
    `${cases.length - refused}${refused > 0 ? `, ${refused} refused` : ''}`,
    tokenizer ?? '-',
  ];
  return `| ${cells.join(' | ')} |`;
}

it.each(templates)('docs/models.md tells what was tested of $name', (template) => {
  const page = readFileSync(new URL('../../docs/models.md', import.meta.url), 'utf8');
  expect(page.split('\n')).toContain(row(template));
});
