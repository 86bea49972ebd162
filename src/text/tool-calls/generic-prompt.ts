// Tools for a model whose chat template knows none: told in a system message, called as JSON in tags, answered by the
// user. Pure; the reader of such calls is the `generic` format.
import type { ToolSignature } from '../reply-parts.js';

export interface PlainMessage {
  role: 'system' | 'user' | 'assistant' | 'tool';
  content: string;
  toolCalls?: readonly { name: string; arguments: string }[];
}

interface DescribedTool extends ToolSignature {
  description?: string;
}

/** The same conversation without tools, tool calls and messages of tools. */
export function withoutTools<T extends PlainMessage>(messages: readonly T[], tools: readonly DescribedTool[]): T[] {
  const plain = answeredByUser(messages).map(asText);
  if (tools.length === 0) return plain;
  const [first, ...rest] = plain;
  const told = describeTools(tools);
  if (first?.role === 'system') return [{ ...first, content: `${first.content}\n\n${told}` }, ...rest];
  return [{ role: 'system', content: told } as T, ...plain];
}

/** Messages of tools that follow each other become one of the user. */
function answeredByUser<T extends PlainMessage>(messages: readonly T[]): T[] {
  const plain: T[] = [];
  let answers: string[] = [];
  for (const [index, message] of messages.entries()) {
    if (message.role !== 'tool') {
      plain.push(message);
      continue;
    }
    answers.push(`<tool_response>\n${message.content}\n</tool_response>`);
    if (messages[index + 1]?.role === 'tool') continue;
    plain.push({ ...message, role: 'user', content: answers.join('\n') });
    answers = [];
  }
  return plain;
}

function asText<T extends PlainMessage>(message: T): T {
  const { toolCalls = [], ...rest } = message;
  if (toolCalls.length === 0) return message;
  const calls = toolCalls.map(
    (call) => `<tool_call>\n{"name": ${JSON.stringify(call.name)}, "arguments": ${call.arguments}}\n</tool_call>`,
  );
  return { ...rest, content: [message.content, ...calls].filter((part) => part !== '').join('\n') } as T;
}

function describeTools(tools: readonly DescribedTool[]): string {
  const lines = tools.map(({ name, description, parameters }) => JSON.stringify({ name, description, parameters }));
  return `You can call functions. Each line describes one, with the JSON Schema of its arguments:
${lines.join('\n')}

To call a function, write nothing but this, with its name and its arguments:
<tool_call>
{"name": "…", "arguments": {…}}
</tool_call>
You will get its result in <tool_response> tags. When no function helps, answer in words.`;
}
