// Messages and tools as chat templates know them from transformers, with every text of the user's shielded. Pure.
import { shieldControlTokens } from '../text/control-tokens.js';
import type { ReplyFormat } from '../text/reply-format.js';
import { TOOL_CALL_FORMATS, type ToolCallFormat } from '../text/tool-calls/formats.js';
import { withoutTools } from '../text/tool-calls/generic-prompt.js';
import { type ToolPlace, toolPlaceOf, toolsInSystemMessage } from '../text/tool-calls/system-tools.js';
import { nineLetterId } from './nine-letter-id.js';
import type { ChatMessage, GenerationInput, ToolCall, ToolDefinition } from './types.js';

export interface TemplateInfo {
  template: string;
  format: ReplyFormat;
  controlTokens: readonly string[];
}

/** Whether a template writes the tools that it is given. */
export const writesTools = (template: string): boolean => toolPlaceOf(template) !== 'nowhere';

/** The variables `messages` and `tools`, and those that the request gives. */
export function templateContext(
  { template, format, controlTokens }: TemplateInfo,
  { messages, tools = [], templateVariables = {} }: Pick<GenerationInput, 'messages' | 'tools' | 'templateVariables'>,
): { messages: object[]; tools: object[] | null } {
  const place = toolPlaceOf(template);
  const conversation = conversationFor(place, messages, tools);
  const shapes: Shapes = {
    nineLetterIds: idsAreShort(format),
    textArguments: joinsArguments(template),
    noWords: asksForNone(template) ? null : '',
  };
  const context = {
    ...templateVariables,
    messages: conversation.map((message) => toTemplateMessage(message, shapes)),
    tools: place === 'variable' && tools.length > 0 ? tools.map(toTemplateTool) : null,
  };
  return shieldAll(context, (text) => shieldControlTokens(text, controlTokens)) as typeof context;
}

type TemplateMessage = ChatMessage & { tools?: string };

function conversationFor(
  place: ToolPlace,
  messages: readonly ChatMessage[],
  tools: readonly ToolDefinition[],
): readonly TemplateMessage[] {
  if (place === 'variable') return messages;
  return place === 'nowhere' ? withoutTools(messages, tools) : toolsInSystemMessage(messages, tools.map(toFunction));
}

interface Shapes {
  nineLetterIds: boolean;
  /** Arguments as the model's JSON; else parsed, as transformers has them. */
  textArguments: boolean;
  /** The content of a message that only calls. */
  noWords: null | '';
}

function idsAreShort({ toolCalls }: ReplyFormat): boolean {
  const format: ToolCallFormat = TOOL_CALL_FORMATS[toolCalls];
  return format.nineLetterIds ?? false;
}

/** Whether a template puts arguments into a text with `+`, which takes no object, and never as JSON. */
function joinsArguments(template: string): boolean {
  if (/\barguments['"\]]*\s*\|\s*tojson/u.test(template)) return false;
  return /\barguments['"]?\]?\s*\+|\+\s*[\w.[\]'"]*\barguments\b(?!['"\]]*\s*\|)/u.test(template);
}

/** Whether a template knows a message that only calls by its content being None; others add it to a text. */
function asksForNone(template: string): boolean {
  return /\bmessage(?:\.content|\[['"]content['"]\])\s+is\s+none(?!\s+or\b)/u.test(template);
}

function toTemplateMessage(message: TemplateMessage, shapes: Shapes): object {
  const { role, content, name, reasoning, toolCalls = [], toolCallId, tools } = message;
  const idOf = (id: string) => (shapes.nineLetterIds ? nineLetterId(id) : id);
  return {
    role,
    content: toolCalls.length > 0 && content === '' ? shapes.noWords : content,
    ...(name === undefined ? {} : { name }),
    ...(reasoning === undefined ? {} : { reasoning_content: reasoning }),
    ...(toolCalls.length === 0 ? {} : { tool_calls: toolCalls.map((call) => toTemplateCall(call, shapes, idOf)) }),
    ...(toolCallId === undefined ? {} : { tool_call_id: idOf(toolCallId) }),
    ...(tools === undefined ? {} : { tools }),
  };
}

function toTemplateCall(
  { id, name, arguments: json }: ToolCall,
  { textArguments }: Shapes,
  idOf: (id: string) => string,
) {
  return {
    id: idOf(id),
    type: 'function',
    function: { name, arguments: textArguments ? json : parsedObject(json) },
  };
}

/** What is no JSON object stays text: the model wrote it so. */
function parsedObject(json: string): unknown {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === 'object' && value !== null ? value : json;
  } catch {
    return json;
  }
}

const toTemplateTool = (tool: ToolDefinition): object => ({ type: 'function', function: toFunction(tool) });

function toFunction({ name, description, parameters }: ToolDefinition): object {
  return {
    name,
    ...(description === undefined ? {} : { description }),
    ...(parameters === undefined ? {} : { parameters }),
  };
}

function shieldAll(value: unknown, shield: (text: string) => string): unknown {
  if (typeof value === 'string') return shield(value);
  if (Array.isArray(value)) return value.map((item) => shieldAll(item, shield));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [shield(key), shieldAll(item, shield)]));
}
