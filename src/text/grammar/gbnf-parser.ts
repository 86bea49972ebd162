// Reads grammars in GBNF, llama.cpp's dialect of EBNF: `name ::= "text" [a-z]+ (other | …){1,3} # a comment`. Pure.

/** Of Unicode, both ends included. */
export type CodeRange = readonly [number, number];

export type Gbnf =
  | { type: 'text'; text: string }
  | { type: 'class'; negated: boolean; ranges: CodeRange[] }
  | { type: 'rule'; name: string; at: number }
  | { type: 'sequence'; items: Gbnf[] }
  | { type: 'choice'; options: Gbnf[] }
  | { type: 'repeat'; item: Gbnf; least: number; most: number | undefined };

/** Rules by name, in their order. */
export type GbnfRules = ReadonlyMap<string, Gbnf>;

/** What is wrong with a grammar, and where. */
export class GbnfError extends Error {
  override readonly name = 'GbnfError';
  constructor(problem: string, source: string, at: number) {
    const before = source.slice(0, at).split('\n');
    super(`line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}: ${problem}`);
  }
}

const NAME = /[A-Za-z0-9_-]+/y;
const DEFINED = /[A-Za-z0-9_-]+[ \t]*::=/y;
/** White space, and comments. */
const BLANK = /(?:[ \t]|#[^\n\r]*)*/y;
const BLANK_LINES = /(?:\s|#[^\n\r]*)*/y;
const COUNTS = /\{\s*(\d+)\s*(,)?\s*(\d+)?\s*\}/y;
const ESCAPED = /\\(?:x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|([nrt"\\[\]/^-]))/y;
const LETTERS: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' };
const MAX_DEPTH = 64;
const MAX_COUNT = 4096;
const MAX_CODE = 0x10ffff;

/** Throws GbnfError. */
export function parseGbnf(source: string): GbnfRules {
  return new Parser(source).rules();
}

class Parser {
  #at = 0;
  #depth = 0;

  constructor(private readonly source: string) {}

  rules(): GbnfRules {
    const rules = new Map<string, Gbnf>();
    for (this.#skip(BLANK_LINES); this.#at < this.source.length; this.#skip(BLANK_LINES)) {
      const start = this.#at;
      const name = this.#take(NAME) ?? this.#fail('expected the name of a rule');
      this.#skip(BLANK);
      if (!this.#takeText('::=')) this.#fail("expected '::='");
      if (rules.has(name)) this.#fail(`the rule '${name}' is there already`, start);
      this.#skip(BLANK_LINES);
      rules.set(name, this.#choice());
    }
    return rules;
  }

  #choice(): Gbnf {
    const options = [this.#sequence()];
    while (this.#comesNext('|')) {
      this.#skip(BLANK_LINES);
      this.#at += 1;
      this.#skip(BLANK_LINES);
      options.push(this.#sequence());
    }
    return options.length === 1 ? (options[0] as Gbnf) : { type: 'choice', options };
  }

  /** In a group lines go on; a rule's end with the line, unless the next one begins with `|`. */
  #comesNext(sign: string): boolean {
    const start = this.#at;
    this.#skip(BLANK_LINES);
    const comes = this.source.startsWith(sign, this.#at);
    this.#at = start;
    return comes;
  }

  #sequence(): Gbnf {
    const items: Gbnf[] = [];
    for (;;) {
      this.#skip(this.#depth > 0 ? BLANK_LINES : BLANK);
      const item = this.#item();
      if (!item) break;
      items.push(this.#repeated(item));
    }
    return items.length === 1 ? (items[0] as Gbnf) : { type: 'sequence', items };
  }

  #item(): Gbnf | undefined {
    const at = this.#at;
    switch (this.source.charAt(at)) {
      case '"':
        return this.#text();
      case '[':
        return this.#class();
      case '.':
        this.#at += 1;
        return { type: 'class', negated: true, ranges: [] };
      case '(':
        return this.#group();
      case '|':
      case ')':
      case '\n':
      case '\r':
      case '':
        return undefined;
    }
    if (this.#matches(DEFINED)) return undefined;
    const name = this.#take(NAME);
    if (name === undefined) return this.#fail(`unexpected '${this.source.charAt(at)}'`);
    return { type: 'rule', name, at };
  }

  #group(): Gbnf {
    const start = this.#at;
    this.#at += 1;
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) this.#fail(`groups are nested more than ${MAX_DEPTH} deep`);
    const inner = this.#choice();
    this.#skip(BLANK_LINES);
    if (!this.#takeText(')')) this.#fail("this '(' is not closed", start);
    this.#depth -= 1;
    return inner;
  }

  #text(): Gbnf {
    const start = this.#at;
    this.#at += 1;
    let text = '';
    while (!this.#takeText('"')) {
      if (this.#at >= this.source.length || this.source.charAt(this.#at) === '\n')
        this.#fail('this text is not closed', start);
      text += this.#character();
    }
    return { type: 'text', text };
  }

  #class(): Gbnf {
    const start = this.#at;
    this.#at += 1;
    const negated = this.#takeText('^');
    const ranges: CodeRange[] = [];
    while (!this.#takeText(']')) {
      if (this.#at >= this.source.length) this.#fail("this '[' is not closed", start);
      const first = this.#code();
      const isRange = this.source.charAt(this.#at) === '-' && this.source.charAt(this.#at + 1) !== ']';
      if (isRange) this.#at += 1;
      const last = isRange ? this.#code() : first;
      if (last < first) this.#fail('this range ends before it begins');
      ranges.push([first, last]);
    }
    if (ranges.length === 0) this.#fail('these brackets are empty', start);
    return { type: 'class', negated, ranges };
  }

  #code(): number {
    return this.#character().codePointAt(0) as number;
  }

  /** One character, or what an escape stands for. */
  #character(): string {
    if (this.source.charAt(this.#at) !== '\\') {
      const character = String.fromCodePoint(this.source.codePointAt(this.#at) as number);
      this.#at += character.length;
      return character;
    }
    ESCAPED.lastIndex = this.#at;
    const found = ESCAPED.exec(this.source);
    if (!found) return this.#fail('this escape means nothing here');
    const [, byte, short, long, letter] = found;
    const code = Number.parseInt(byte ?? short ?? long ?? '', 16);
    if (code > MAX_CODE || (code >= 0xd800 && code < 0xe000)) this.#fail('this escape is no character');
    this.#at = ESCAPED.lastIndex;
    return letter === undefined ? String.fromCodePoint(code) : (LETTERS[letter] ?? letter);
  }

  #repeated(item: Gbnf): Gbnf {
    for (let repeated = item; ; ) {
      this.#skip(this.#depth > 0 ? BLANK_LINES : BLANK);
      const counts = this.#counts();
      if (!counts) return repeated;
      repeated = { type: 'repeat', item: repeated, ...counts };
    }
  }

  #counts(): { least: number; most: number | undefined } | undefined {
    const start = this.#at;
    if (this.#takeText('*')) return { least: 0, most: undefined };
    if (this.#takeText('+')) return { least: 1, most: undefined };
    if (this.#takeText('?')) return { least: 0, most: 1 };
    if (this.source.charAt(start) !== '{') return undefined;
    COUNTS.lastIndex = start;
    const found = COUNTS.exec(this.source);
    if (!found) return this.#fail("expected a repetition as in '{2}', '{2,}' or '{2,4}'");
    const [, first, comma, second] = found;
    const least = Number(first);
    const most = second === undefined ? (comma === undefined ? least : undefined) : Number(second);
    if (Math.max(least, most ?? 0) > MAX_COUNT) this.#fail(`at most ${MAX_COUNT} repetitions are supported`);
    if (most !== undefined && most < least) this.#fail('this repetition ends before it begins');
    this.#at = COUNTS.lastIndex;
    return { least, most };
  }

  #skip(pattern: RegExp): void {
    pattern.lastIndex = this.#at;
    if (pattern.test(this.source)) this.#at = pattern.lastIndex;
  }

  #matches(pattern: RegExp): boolean {
    pattern.lastIndex = this.#at;
    return pattern.test(this.source);
  }

  #take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.source)?.[0];
    this.#at += found?.length ?? 0;
    return found;
  }

  #takeText(text: string): boolean {
    const found = this.source.startsWith(text, this.#at);
    if (found) this.#at += text.length;
    return found;
  }

  #fail(problem: string, at = this.#at): never {
    throw new GbnfError(problem, this.source, at);
  }
}
