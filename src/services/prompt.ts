// Messages to the token ids that a model reads: shielded, put into its chat template, encoded.
import { EngineError } from '../engine/types.js';
import type { ChatTemplateFiles } from '../text/chat-template-files.js';
import { requireTemplate } from '../text/chat-template-files.js';
import { unshield } from '../text/control-tokens.js';
import { endsInThought } from '../text/reasoning.js';
import type { ReplyFormat } from '../text/reply-format.js';
import type { Tokenizer } from '../text/types.js';
import { templateContext } from './template-context.js';
import type { TemplateRenderer } from './template-renderer.js';
import { templateVariables } from './template-variables.js';
import type { Conversation } from './types.js';

export interface PromptMaker {
  /** What messages call the model. */
  model: string;
  tokenizer: Tokenizer;
  template: ChatTemplateFiles;
  /** How the model writes reasoning and calls. */
  format: ReplyFormat;
  renderer: TemplateRenderer;
}

export interface Prompt {
  tokens: Int32Array;
  /** It ends inside the tag that opens a thought. */
  thinking: boolean;
}

/**
 * The prompt for the next reply. `check` gets its characters before they are encoded, which takes seconds for megabytes,
 * and may throw. Throws ChatTemplateError, and EngineError `invalid_request` for an empty prompt.
 */
export async function makePrompt(
  maker: PromptMaker,
  conversation: Conversation,
  check: (characters: number) => void = () => {},
): Promise<Prompt> {
  const { tokenizer, format } = maker;
  const rendered = await renderPrompt(maker, conversation, true);
  check(unshield(rendered).length);
  const tokens = await tokenizer.encodePrompt(rendered);
  const thinking = format.thinkTags !== undefined && endsInThought(rendered, format.thinkTags);
  if (tokens.length > 0) return { tokens, thinking };
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
  const messages = [
    { role: 'user', content: 'mlxd' },
    { role: 'assistant', content: reply },
  ] as const;
  const rendered = await renderPrompt(maker, { messages }, false).catch(() => '');
  const at = rendered.lastIndexOf(reply);
  if (at < 0) return undefined;
  const after = rendered.slice(at + reply.length).trimStart();
  const token = tokenizer.controlTokens.find((text) => after.startsWith(text));
  return token === undefined ? undefined : tokenizer.idOf(token);
}

/** What a template does with a message of the system: writes it, leaves it out, or refuses the conversation. */
export async function treatmentOfSystem(maker: PromptMaker): Promise<'written' | 'ignored' | 'refused'> {
  const words = 'mlxd-system';
  const messages = [
    { role: 'system', content: words },
    { role: 'user', content: 'mlxd' },
  ] as const;
  const rendered = await renderPrompt(maker, { messages }, true).catch(() => undefined);
  if (rendered === undefined) return 'refused';
  return rendered.includes(words) ? 'written' : 'ignored';
}

async function renderPrompt(
  { model, tokenizer, template, format, renderer }: PromptMaker,
  conversation: Conversation,
  addGenerationPrompt: boolean,
): Promise<string> {
  const source = requireTemplate(template.template, model);
  const variables = templateVariables(source, format, conversation);
  const info = { template: source, format, controlTokens: tokenizer.controlTokens };
  return renderer.render(source, {
    ...template.specialTokens,
    ...templateContext(info, { ...conversation, templateVariables: variables }),
    add_generation_prompt: addGenerationPrompt,
  });
}
