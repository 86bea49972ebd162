// Prompts of exactly so many tokens, each unlike the others from its first words on.
import { makePrompt, type PromptMaker } from '../../src/services/prompt.js';
import { TemplateRenderer } from '../../src/services/template-renderer.js';
import type { ChatMessage } from '../../src/services/types.js';
import { readChatTemplateFiles } from '../../src/text/chat-template-files.js';
import { findReplyFormat } from '../../src/text/reply-format.js';
import { loadTokenizer } from '../../src/text/tokenizer.js';

const WORDS =
  'the of and to in is that for it as was with be by on not but at are this have from or had which one you were all ' +
  'there would their been has when who will more out up said what about than into them can only other time new some ' +
  'could these two may first then do any like now over such even most made after also did many before must well back ' +
  'through years where much your way down should because long each just state those people how little good world make';
const MAX_STEPS = 50;

export interface Prompts {
  /** Messages that the model's template and tokenizer make into exactly `tokens` tokens. */
  make(tokens: number, seed: number): Promise<ChatMessage[]>;
  close(): Promise<void>;
}

export async function openPrompts(model: string, folder: string): Promise<Prompts> {
  const renderer = new TemplateRenderer();
  const [tokenizer, template] = await Promise.all([loadTokenizer(folder), readChatTemplateFiles(folder)]);
  const format = findReplyFormat(template.template ?? '');
  const maker: PromptMaker = { model, tokenizer, template, format, renderer };
  return {
    make: (tokens, seed) => fitPrompt(maker, tokens, seed),
    close: async () => renderer.close(),
  };
}

/** Takes words off and adds words until the count is right: most of them are one token. */
async function fitPrompt(maker: PromptMaker, tokens: number, seed: number): Promise<ChatMessage[]> {
  let count = tokens;
  for (let step = 0; step < MAX_STEPS; step++) {
    const messages = compose(count, seed);
    const excess = (await makePrompt(maker, { messages })).tokens.length - tokens;
    if (excess === 0) return messages;
    count -= excess;
    if (count < 1) break;
  }
  throw new Error(`no prompt of exactly ${tokens} tokens was found for this model: choose more`);
}

/** The system message comes first in the prompt, so that is where prompts differ at once. */
function compose(count: number, seed: number): ChatMessage[] {
  const all = WORDS.split(' ');
  let state = seed;
  const words = Array.from({ length: count }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return all[Math.floor((state / 2 ** 32) * all.length)];
  });
  return [
    { role: 'system', content: `${seed} is the number of this text.` },
    { role: 'user', content: words.join(' ') },
  ];
}
