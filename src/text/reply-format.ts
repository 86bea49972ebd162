// How a model's raw replies are to be read: where its reasoning and its tool calls are. Chosen by the chat template;
// makes a parser for each reply. Pure.
import { findThinkTags, readThoughts, type ThinkTags } from './reasoning.js';
import { PartSink, type ReplyParser, type ReplyPart, type ToolSignature } from './reply-parts.js';
import { type PartReader, type Reading, TextSource } from './text-source.js';
import {
  findToolCallFormat,
  TOOL_CALL_FORMATS,
  type ToolCallFormat,
  type ToolCallFormatName,
} from './tool-calls/formats.js';
import { harmonyEndOfThought, harmonyReply } from './tool-calls/harmony.js';

export interface ReplyFormat {
  toolCalls: ToolCallFormatName;
  thinkTags: ThinkTags | undefined;
}

/** `toolCalls` overrides what the template says. */
export function findReplyFormat(template: string, toolCalls?: ToolCallFormatName): ReplyFormat {
  const found = toolCalls ?? findToolCallFormat(template);
  return { toolCalls: found, thinkTags: found === 'harmony' ? undefined : findThinkTags(template) };
}

export interface ReplyContext {
  /** Empty when the reply may not call any. */
  tools: readonly ToolSignature[];
  /** The prompt ends inside the tag that opens a thought. */
  thinking: boolean;
}

/** Text does not write these by chance. */
const CONTROL = /^(?:<[|｜]|\[TOOL_CALLS\])/u;

/** Undefined where a reply is nothing but text. */
export function makeReplyParser(format: ReplyFormat, { tools, thinking }: ReplyContext): ReplyParser | undefined {
  const { toolCalls, thinkTags } = format;
  if (toolCalls === 'harmony') return new StreamedReply([harmonyReply(tools.length > 0)], false);
  const calls: ToolCallFormat | undefined = tools.length > 0 ? TOOL_CALL_FORMATS[toolCalls] : undefined;
  const readers: PartReader[] = [];
  if (thinkTags) {
    const interrupts = calls?.markers.slice(0, 1).filter((marker) => CONTROL.test(marker)) ?? [];
    readers.push(readThoughts({ tags: thinkTags, opened: thinking, interrupts }));
  }
  const reader = calls?.reader?.(tools);
  if (reader) readers.push(reader);
  return readers.length === 0 ? undefined : new StreamedReply(readers, thinking);
}

/** The texts around reasoning and calls: control tokens in them belong to the reply's text. */
export function replyMarkers({ toolCalls, thinkTags }: ReplyFormat, hasTools: boolean): string[] {
  const inTags = thinkTags ? [thinkTags.open, thinkTags.close] : [];
  const inCalls = hasTools || toolCalls === 'harmony' ? TOOL_CALL_FORMATS[toolCalls].markers : [];
  return [...inTags, ...inCalls];
}

/** What the model writes to end a thought and begin its answer; undefined for a model that does not mark its thoughts. */
export function endOfThought({ toolCalls, thinkTags }: ReplyFormat, hasTools: boolean): string | undefined {
  if (toolCalls === 'harmony') return harmonyEndOfThought(hasTools);
  return thinkTags && `\n${thinkTags.close}\n\n`;
}

/** Runs readers one after the other on a text as it comes; what they leave is plain text. */
class StreamedReply implements ReplyParser {
  readonly #source = new TextSource();
  readonly #out = new PartSink();
  readonly #reading: Reading<void>;

  constructor(readers: readonly PartReader[], thinking: boolean) {
    this.#out.thinking = thinking;
    this.#reading = readAll(readers, this.#source, this.#out);
  }

  get thinking(): boolean {
    return this.#out.thinking;
  }

  push(text: string): ReplyPart[] {
    this.#source.append(text);
    this.#reading.next();
    return this.#out.take();
  }

  flush(): ReplyPart[] {
    this.#source.end();
    this.#reading.next();
    this.#out.end();
    return this.#out.take();
  }
}

function* readAll(readers: readonly PartReader[], source: TextSource, out: PartSink): Reading<void> {
  for (const read of readers) yield* read(source, out);
  yield* source.upTo([], (text) => out.text(text));
}
