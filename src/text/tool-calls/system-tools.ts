// Tools for a chat template that takes them as a text beside the content of the system message, and knows no calls
// (Phi-4-mini): an assistant's calls are put into its words, as the model writes them. Pure.
import type { PlainMessage } from './generic-prompt.js';

/** Where a template looks for the tools of a request. */
export type ToolPlace = 'variable' | 'system-message' | 'nowhere';

export function toolPlaceOf(template: string): ToolPlace {
  if (/(?<!['".\w])tools\b(?!['"])/u.test(template)) return 'variable';
  return /\btools\b/u.test(template) ? 'system-message' : 'nowhere';
}

/** The conversation with the tools in its system message, which is made where there is none. */
export function toolsInSystemMessage<T extends PlainMessage>(
  messages: readonly T[],
  tools: readonly object[],
): (T & { tools?: string })[] {
  const plain = messages.map(withCallsAsText);
  if (tools.length === 0) return plain;
  const told = { tools: JSON.stringify(tools) };
  const [first, ...rest] = plain;
  if (first?.role === 'system') return [{ ...first, ...told }, ...rest];
  return [{ role: 'system', content: '', ...told } as T & { tools: string }, ...plain];
}

function withCallsAsText<T extends PlainMessage>(message: T): T {
  const { toolCalls = [], ...rest } = message;
  if (toolCalls.length === 0) return message;
  const calls = toolCalls.map((call) => `{"name": ${JSON.stringify(call.name)}, "arguments": ${call.arguments}}`);
  return { ...rest, content: `${message.content}<|tool_call|>[${calls.join(', ')}]<|/tool_call|>` } as T;
}
