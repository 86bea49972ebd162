// What a request may tell the chat template beside messages and tools: checked, so that nothing is ignored in silence
// and nothing of ours is replaced. Pure.
import type { ReplyFormat } from '../text/reply-format.js';
import { ChatTemplateError } from '../text/types.js';
import type { GenerationInput } from './types.js';

/** Set by us, or by the model's files. */
const RESERVED = /^(?:messages|tools|documents|chat_template|add_generation_prompt|continue_final_message|\w+_token)$/u;
const EFFORTS_OF_HARMONY = ['low', 'medium', 'high'];
/** By which templates turn thinking on and off. */
const SWITCHES = ['enable_thinking', 'thinking'];

/** The variables of a request. Throws ChatTemplateError `variable` or `effort` for what the template cannot honour. */
export function templateVariables(
  template: string,
  { toolCalls, thinkTags }: ReplyFormat,
  { reasoningEffort, templateVariables: given = {} }: Pick<GenerationInput, 'reasoningEffort' | 'templateVariables'>,
): Record<string, unknown> {
  for (const [name, value] of Object.entries(given)) checkVariable(template, name, value);
  if (reasoningEffort === undefined) return known(template, given);
  const mentioned = SWITCHES.filter((name) => mentions(template, name));
  const switches = Object.fromEntries(mentioned.map((name) => [name, reasoningEffort !== 'none']));
  const takesEffort = mentions(template, 'reasoning_effort');
  if (toolCalls === 'harmony' && takesEffort && !EFFORTS_OF_HARMONY.includes(reasoningEffort)) {
    throw effortError(`This model thinks with the effort 'low', 'medium' or 'high', not '${reasoningEffort}'.`);
  }
  const isMet = takesEffort || mentioned.length > 0 || (reasoningEffort === 'none' && thinkTags === undefined);
  if (!isMet) {
    const what = reasoningEffort === 'none' ? 'turn its thinking off' : 'set how much to think';
    throw effortError(`The chat template of this model has no way to ${what}.`);
  }
  const effort = takesEffort && reasoningEffort !== 'none' ? { reasoning_effort: reasoningEffort } : {};
  return { ...effort, ...switches, ...known(template, given) };
}

function checkVariable(template: string, name: string, value: unknown): void {
  if (RESERVED.test(name)) throw variableError(`'${name}' cannot be set by a request.`);
  // A model that never thinks does as it is told.
  if (mentions(template, name) || (SWITCHES.includes(name) && value === false)) return;
  throw variableError(`The chat template of this model has no variable '${name.slice(0, 100)}'.`);
}

function known(template: string, variables: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(variables).filter(([name]) => mentions(template, name)));
}

function mentions(template: string, name: string): boolean {
  return /^\w+$/u.test(name) && new RegExp(`\\b${name}\\b`, 'u').test(template);
}

const variableError = (message: string) => new ChatTemplateError('variable', message);
const effortError = (message: string) => new ChatTemplateError('effort', message);
