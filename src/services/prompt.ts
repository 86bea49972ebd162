// Messages to the token ids that a model reads: shielded, put into its chat template, encoded.
import { EngineError } from '../engine/types.js';
import type { ChatTemplateFiles } from '../text/chat-template-files.js';
import { requireTemplate } from '../text/chat-template-files.js';
import { shieldControlTokens } from '../text/control-tokens.js';
import type { Tokenizer } from '../text/types.js';
import type { TemplateRenderer } from './template-renderer.js';
import type { ChatMessage } from './types.js';

export interface PromptMaker {
  /** What messages call the model. */
  model: string;
  tokenizer: Tokenizer;
  template: ChatTemplateFiles;
  renderer: TemplateRenderer;
}

/** The prompt for the next reply. Throws ChatTemplateError, and EngineError `invalid_request` for an empty prompt. */
export async function makePrompt(maker: PromptMaker, messages: readonly ChatMessage[]): Promise<Int32Array> {
  const { tokenizer } = maker;
  const tokens = await tokenizer.encodePrompt(await renderPrompt(maker, messages, true));
  if (tokens.length > 0) return tokens;
  throw new EngineError('invalid_request', 'These messages make an empty prompt with the chat template of this model.');
}

/**
 * The tokens that end a reply by the template's own account: what it writes after an assistant's words. None if it
 * writes text there, or refuses the conversation that this tries.
 */
export async function findEndOfTurn(maker: PromptMaker): Promise<number | undefined> {
  const { tokenizer, template } = maker;
  if (template.template === undefined) return undefined;
  const reply = 'mlxd-reply';
  const messages: ChatMessage[] = [
    { role: 'user', content: 'mlxd' },
    { role: 'assistant', content: reply },
  ];
  const rendered = await renderPrompt(maker, messages, false).catch(() => '');
  const at = rendered.lastIndexOf(reply);
  if (at < 0) return undefined;
  const after = rendered.slice(at + reply.length).trimStart();
  const token = tokenizer.controlTokens.find((text) => after.startsWith(text));
  return token === undefined ? undefined : tokenizer.idOf(token);
}

function renderPrompt(
  { model, tokenizer, template, renderer }: PromptMaker,
  messages: readonly ChatMessage[],
  addGenerationPrompt: boolean,
): Promise<string> {
  const shield = (text: string) => shieldControlTokens(text, tokenizer.controlTokens);
  const shielded = messages.map(({ role, content, name }) => ({
    role,
    content: shield(content),
    ...(name === undefined ? {} : { name: shield(name) }),
  }));
  return renderer.render(requireTemplate(template.template, model), {
    ...template.specialTokens,
    messages: shielded,
    tools: null,
    add_generation_prompt: addGenerationPrompt,
  });
}
