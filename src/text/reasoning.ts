// Parts a reply's reasoning from its answer where the model marks it with tags. A template may have opened the first tag
// already, at the end of the prompt. Pure.
import type { PartReader } from './text-source.js';

export interface ThinkTags {
  open: string;
  close: string;
}

/** Pairs that templates use; the first that a template mentions is the model's. */
const TAGS: readonly ThinkTags[] = [
  { open: '<think>', close: '</think>' },
  { open: '[THINK]', close: '[/THINK]' },
  { open: '<|channel>thought', close: '<channel|>' },
  { open: '<seed:think>', close: '</seed:think>' },
  { open: '<|START_THINKING|>', close: '<|END_THINKING|>' },
];

/** The tags of a model, by its template; undefined for a model that does not mark its reasoning. */
export function findThinkTags(template: string): ThinkTags | undefined {
  return TAGS.find(({ open, close }) => template.includes(open) || template.includes(close));
}

/** Whether a prompt ends inside an open tag. */
export function endsInThought(prompt: string, { open, close }: ThinkTags): boolean {
  const opened = prompt.lastIndexOf(open);
  return opened > prompt.lastIndexOf(close) && prompt.slice(opened + open.length).trim() === '';
}

export interface ReasoningOptions {
  tags: ThinkTags;
  /** The prompt ends inside an open tag. */
  opened: boolean;
  /** Control tokens that end a thought whose tag was never closed: the beginning of a tool call. */
  interrupts: readonly string[];
}

/** Reads thoughts at the start of a reply, as many as follow each other. A tag further on is text. */
export function readThoughts({ tags, opened, interrupts }: ReasoningOptions): PartReader {
  const { open, close } = tags;
  return function* read(source, out) {
    for (let isOpen = opened; ; isOpen = false) {
      source.mark();
      yield* source.space();
      const found = yield* source.skip(open);
      if (!isOpen && found === undefined) return out.text(source.sinceMark());
      source.unmark();
      out.boundary();
      out.thinking = true;
      const end = yield* source.upTo([close, ...interrupts], (text) => out.reasoning(text));
      out.thinking = false;
      out.boundary();
      if (end !== close) return;
      yield* source.skip(close);
    }
  };
}
