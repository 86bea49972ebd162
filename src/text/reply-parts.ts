// What a model's raw reply is made of, and the sink into which the parsers of this folder write. Pure.

export type ReplyPart =
  | { type: 'text'; text: string }
  | { type: 'reasoning'; text: string }
  /** A call begins. `id` is there when the model gives its calls ids of its own. */
  | { type: 'tool-call'; index: number; name: string; id?: string }
  /** More of the call's arguments, which make one JSON object in the end unless the model erred or was cut off. */
  | { type: 'tool-arguments'; index: number; text: string };

/** A tool as the parsers need it. */
export interface ToolSignature {
  name: string;
  /** JSON Schema of the arguments. */
  parameters?: Readonly<Record<string, unknown>>;
}

/** Takes a reply's text as it comes. Parts that follow each other are the same however the text was cut. */
export interface ReplyParser {
  /** Whether the text that comes next is reasoning, as far as is known. */
  readonly thinking: boolean;
  push(text: string): ReplyPart[];
  /** The end of the text: what was held back. */
  flush(): ReplyPart[];
}

/** Collects parts: joins neighbours of one kind, and drops white space around reasoning and calls. */
export class PartSink {
  thinking = false;
  #parts: ReplyPart[] = [];
  #calls = 0;
  /** White space that is dropped unless more of the same kind follows. */
  #held = '';
  #heldType: 'text' | 'reasoning' = 'text';
  /** At the start of the reply's text, and of its reasoning, white space is dropped once a marker was before it. */
  #trimStart = false;

  get calls(): number {
    return this.#calls;
  }

  text(text: string): void {
    this.#prose('text', text);
  }

  reasoning(text: string): void {
    this.#prose('reasoning', text);
  }

  /** A marker that parts text from reasoning or calls: white space on both sides of it is layout. */
  boundary(): void {
    this.#held = '';
    this.#trimStart = true;
  }

  beginCall(name: string, id?: string): void {
    this.boundary();
    this.#parts.push({ type: 'tool-call', index: this.#calls, name, ...(id === undefined ? {} : { id }) });
    this.#calls += 1;
  }

  /** More of the arguments of the last call. */
  args(text: string): void {
    if (text !== '') this.#add({ type: 'tool-arguments', index: this.#calls - 1, text });
  }

  /** The end: white space after plain text is the text's own. */
  end(): void {
    if (this.#held !== '' && this.#heldType === 'text') this.#add({ type: 'text', text: this.#held });
    this.#held = '';
  }

  take(): ReplyPart[] {
    const parts = this.#parts;
    this.#parts = [];
    return parts;
  }

  #prose(type: 'text' | 'reasoning', text: string): void {
    const all = this.#trimStart ? text.trimStart() : text;
    if (all === '') return;
    this.#trimStart = false;
    const body = all.trimEnd();
    if (body !== '') {
      this.#add({ type, text: this.#held + body });
      this.#held = '';
    }
    this.#held += all.slice(body.length);
    this.#heldType = type;
  }

  #add(part: Exclude<ReplyPart, { type: 'tool-call' }>): void {
    const last = this.#parts.at(-1);
    if (last?.type === part.type) last.text += part.text;
    else this.#parts.push(part);
  }
}
