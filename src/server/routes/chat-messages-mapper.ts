// Messages and tools of a chat request: the wire's names on one side, the services' on the other. Pure functions.
import type { ChatCompletionRequest } from '../../schemas/chat-completions.js';
import type { ChatCompletionMessage } from '../../schemas/chat-messages.js';
import type { FunctionDefinition } from '../../schemas/tools.js';
import type { ChatMessage, ToolCall, ToolDefinition } from '../../services/types.js';

export function toChatMessages(messages: readonly ChatCompletionMessage[]): ChatMessage[] {
  return messages.map((message, index) => toChatMessage(message, index, messages));
}

function toChatMessage(
  message: ChatCompletionMessage,
  index: number,
  messages: readonly ChatCompletionMessage[],
): ChatMessage {
  const named = 'name' in message && typeof message.name === 'string' ? { name: message.name } : {};
  switch (message.role) {
    case 'developer':
      return { role: 'system', content: joinText(message.content), ...named };
    case 'assistant':
      return { ...toAssistantMessage(message, index), ...named };
    case 'tool':
      return { role: 'tool', content: joinText(message.content), ...calledBy(message.tool_call_id, index, messages) };
    case 'function': {
      const call = lastIndexBefore(index, messages, (one) => one.role === 'assistant' && Boolean(one.function_call));
      const id = call < 0 ? {} : { toolCallId: functionCallId(call) };
      return { role: 'tool', content: joinText(message.content ?? ''), ...id, ...named };
    }
    default:
      return { role: message.role, content: joinText(message.content), ...named };
  }
}

function toAssistantMessage(
  message: Extract<ChatCompletionMessage, { role: 'assistant' }>,
  index: number,
): ChatMessage {
  const { content, refusal, tool_calls, function_call } = message;
  const reasoning = message.reasoning_content ?? message.reasoning ?? '';
  const toolCalls: ToolCall[] = (tool_calls ?? []).map(({ id, function: call }) => ({ id, ...call }));
  if (function_call) toolCalls.push({ id: functionCallId(index), ...function_call });
  return {
    role: 'assistant',
    content: joinText(content ?? refusal ?? ''),
    ...(reasoning === '' ? {} : { reasoning }),
    ...(toolCalls.length === 0 ? {} : { toolCalls }),
  };
}

/** A call of the time before tools has no id: its place serves. */
const functionCallId = (index: number) => `call_${index}`;

/** Templates may ask for the name of what was called. */
function calledBy(
  id: string,
  index: number,
  messages: readonly ChatCompletionMessage[],
): Pick<ChatMessage, 'toolCallId' | 'name'> {
  const calls = (message: ChatCompletionMessage) => (message.role === 'assistant' ? (message.tool_calls ?? []) : []);
  const caller = messages[lastIndexBefore(index, messages, (one) => calls(one).some((call) => call.id === id))];
  const name = caller && calls(caller).find((call) => call.id === id)?.function.name;
  return { toolCallId: id, ...(name === undefined ? {} : { name }) };
}

/** Answers stand close after their calls: the search goes backwards. */
function lastIndexBefore<T>(index: number, items: readonly T[], isIt: (item: T) => boolean): number {
  for (let i = index - 1; i >= 0; i--) if (isIt(items[i] as T)) return i;
  return -1;
}

/** Text parts become the lines of one text, as in llama.cpp and vLLM. */
function joinText(content: NonNullable<ChatCompletionMessage['content']>): string {
  if (typeof content === 'string') return content;
  return content
    .flatMap((part) => (part.type === 'text' ? [part.text] : part.type === 'refusal' ? [part.refusal] : []))
    .join('\n');
}

type Offer = Partial<Pick<ChatCompletionRequest, 'tools' | 'tool_choice' | 'functions' | 'function_call'>>;

/** What the model may call; nothing when the request says so. */
export function toTools({ tools, tool_choice, functions, function_call }: Offer): ToolDefinition[] {
  const offered = tool_choice === 'none' ? [] : (tools ?? []).map((tool) => tool.function);
  const legacy = function_call === 'none' ? [] : (functions ?? []);
  return [...offered, ...legacy].map(toTool);
}

function toTool({ name, description, parameters, strict }: FunctionDefinition): ToolDefinition {
  return {
    name,
    ...(typeof description === 'string' ? { description } : {}),
    ...(parameters ? { parameters } : {}),
    ...(strict ? { strict } : {}),
  };
}
