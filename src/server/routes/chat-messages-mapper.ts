// Messages and tools of a chat request: the wire's names on one side, the services' on the other. Pure functions.
import type { ChatCompletionRequest } from '../../schemas/chat-completions.js';
import type { ChatCompletionMessage } from '../../schemas/chat-messages.js';
import type { FunctionDefinition } from '../../schemas/tools.js';
import type { ChatMessage, ToolCall, ToolDefinition } from '../../services/types.js';

export function toChatMessages(messages: readonly ChatCompletionMessage[]): ChatMessage[] {
  const made: CallsMade = { names: new Map(), functionCallId: undefined };
  return messages.map((message, index) => {
    const mapped = toChatMessage(message, index, made);
    if (message.role === 'assistant') {
      for (const { id, function: call } of message.tool_calls ?? []) made.names.set(id, call.name);
      if (message.function_call) made.functionCallId = functionCallId(index);
    }
    return mapped;
  });
}

/** The calls of the messages before. */
interface CallsMade {
  /** By id. Templates may ask for the name of what was called. */
  names: Map<string, string>;
  /** Of the last one from the time before tools. */
  functionCallId: string | undefined;
}

function toChatMessage(message: ChatCompletionMessage, index: number, made: CallsMade): ChatMessage {
  const named = 'name' in message && typeof message.name === 'string' ? { name: message.name } : {};
  switch (message.role) {
    case 'developer':
      return { role: 'system', content: joinText(message.content), ...named };
    case 'assistant':
      return { ...toAssistantMessage(message, index), ...named };
    case 'tool': {
      const name = made.names.get(message.tool_call_id);
      const answers = { toolCallId: message.tool_call_id, ...(name === undefined ? {} : { name }) };
      return { role: 'tool', content: joinText(message.content), ...answers };
    }
    case 'function': {
      const { functionCallId } = made;
      const id = functionCallId === undefined ? {} : { toolCallId: functionCallId };
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
