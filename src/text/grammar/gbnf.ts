// Grammars in GBNF as grammars in llguidance's dialect of Lark. What does not refer to itself becomes terminals, which an
// automaton reads fast, as far as their ends are certain: a terminal takes all that it can, and a rule may take less. The
// rest is left to the parser, character by character. Pure.
import { type Gbnf, GbnfError, type GbnfRules, parseGbnf } from './gbnf-parser.js';
import { quoted } from './lark.js';

export { GbnfError };

const DEFINES = /^[ \t]*[A-Za-z0-9_-]+[ \t]*::=/mu;

/** A grammar in either language as Lark; in GBNF the rule `root` is the whole text. Throws GbnfError. */
export function toLark(source: string): string {
  if (!DEFINES.test(source)) return source;
  const rules = parseGbnf(source);
  for (const body of rules.values()) {
    for (const { name, at } of referencesOf(body)) {
      if (!rules.has(name)) throw new GbnfError(`there is no rule '${name}'`, source, at);
    }
  }
  if (!rules.has('root')) throw new GbnfError("there is no rule 'root'", source, 0);
  return new Translation(rules).lark();
}

type Reference = Extract<Gbnf, { type: 'rule' }>;

function referencesOf(node: Gbnf): Reference[] {
  if (node.type === 'rule') return [node];
  return childrenOf(node).flatMap(referencesOf);
}

function childrenOf(node: Gbnf): readonly Gbnf[] {
  if (node.type === 'sequence') return node.items;
  if (node.type === 'choice') return node.options;
  return node.type === 'repeat' ? [node.item] : [];
}

/** The rules from which no way leads back to one already on it, each after those that it refers to. */
function findRegular(rules: GbnfRules): Set<string> {
  const regular = new Set<string>();
  const missing = new Map<string, Set<string>>();
  const users = new Map<string, string[]>();
  for (const [name, body] of rules) {
    const used = new Set(referencesOf(body).map((reference) => reference.name));
    missing.set(name, used);
    for (const other of used) users.set(other, [...(users.get(other) ?? []), name]);
  }
  const ready = [...missing].flatMap(([name, used]) => (used.size === 0 ? [name] : []));
  for (let name = ready.pop(); name !== undefined; name = ready.pop()) {
    regular.add(name);
    for (const user of users.get(name) ?? []) {
      const left = missing.get(user);
      if (left?.delete(name) && left.size === 0) ready.push(user);
    }
  }
  return regular;
}

class Translation {
  readonly #rules: GbnfRules;
  readonly #regular: Set<string>;
  readonly #places: Map<string, number>;
  readonly #lines: string[] = [];
  /** Names of terminals by their bodies. */
  readonly #terminals = new Map<string, string>();
  /** Regular rules of which #mayGoOn holds. */
  readonly #goingOn = new Set<string>();
  /** Lines that are still to be made, by the names that they define. */
  readonly #wanted = new Map<string, () => string>();

  constructor(rules: GbnfRules) {
    this.#rules = rules;
    this.#regular = findRegular(rules);
    this.#places = new Map([...rules.keys()].map((name, index) => [name, index]));
    for (const name of this.#regular) if (this.#mayGoOn(this.#bodyOf(name))) this.#goingOn.add(name);
  }

  lark(): string {
    const start = this.#regular.has('root') ? this.#terminalOf('root') : this.#ruleOf('root');
    // A map goes on with what is added meanwhile.
    for (const [name, body] of this.#wanted) this.#lines.push(`${name}: ${body()}`);
    return [`start: ${start}`, ...this.#lines, ''].join('\n');
  }

  #bodyOf(name: string): Gbnf {
    return this.#rules.get(name) as Gbnf;
  }

  /** The rule read by the parser. */
  #ruleOf(name: string): string {
    const lark = `r${this.#places.get(name)}`;
    this.#wanted.set(lark, this.#wanted.get(lark) ?? (() => this.#expression(this.#bodyOf(name))));
    return lark;
  }

  /** The rule read by the automaton. */
  #terminalOf(name: string): string {
    const lark = `R${this.#places.get(name)}`;
    this.#wanted.set(lark, this.#wanted.get(lark) ?? (() => this.#terminal(this.#bodyOf(name))));
    return lark;
  }

  #isRegular(node: Gbnf): boolean {
    return referencesOf(node).every(({ name }) => this.#regular.has(name));
  }

  /** Whether a text that is regular may go on where it could end: a terminal of it would take what belongs to the next. */
  #mayGoOn(node: Gbnf): boolean {
    switch (node.type) {
      case 'text':
        return node.text === '';
      case 'class':
        return false;
      case 'rule':
        return this.#goingOn.has(node.name);
      case 'sequence': {
        const last = node.items.at(-1);
        return last === undefined || this.#mayGoOn(last);
      }
      case 'choice':
        return node.options.some((option) => this.#mayGoOn(option)) || haveCommonStarts(node.options);
      case 'repeat':
        return node.least !== node.most || node.most === 0 || this.#mayGoOn(node.item);
    }
  }

  /** For the parser, with terminals for what the automaton can read. */
  #expression(node: Gbnf): string {
    if (this.#isRegular(node) && !this.#mayGoOn(node)) return this.#named(node);
    switch (node.type) {
      case 'sequence':
        if (node.items.length === 0) return '""';
        return `(${this.#runs(node.items)
          .map((item) => this.#expression(item))
          .join(' ')})`;
      case 'choice':
        return `(${node.options.map((option) => this.#expression(option)).join(' | ')})`;
      case 'repeat':
        return node.most === 0 ? '""' : `(${this.#expression(node.item)})${timesOf(node)}`;
      case 'rule':
        return this.#ruleOf(node.name);
      default:
        return this.#named(node);
    }
  }

  /** The same items, neighbours that are regular as one, up to the last that ends where it must. */
  #runs(items: readonly Gbnf[]): Gbnf[] {
    const runs: Gbnf[] = [];
    let run: Gbnf[] = [];
    const end = () => {
      const length = run.findLastIndex((item) => !this.#mayGoOn(item)) + 1;
      if (length > 0) runs.push(length === 1 ? (run[0] as Gbnf) : { type: 'sequence', items: run.slice(0, length) });
      runs.push(...run.slice(length));
      run = [];
    };
    for (const item of items) {
      if (this.#isRegular(item)) {
        run.push(item);
      } else {
        end();
        runs.push(item);
      }
    }
    end();
    return runs;
  }

  /** A terminal of this body. */
  #named(node: Gbnf): string {
    if (node.type === 'rule') return this.#terminalOf(node.name);
    const body = this.#terminal(node);
    const known = this.#terminals.get(body);
    if (known !== undefined) return known;
    const name = `T${this.#terminals.size}`;
    this.#terminals.set(body, name);
    this.#lines.push(`${name}: ${body}`);
    return name;
  }

  /** For the automaton. */
  #terminal(node: Gbnf): string {
    switch (node.type) {
      case 'text':
        return quoted(node.text);
      case 'class':
        return classOf(node);
      case 'rule':
        return this.#terminalOf(node.name);
      case 'sequence':
        return node.items.length === 0 ? '""' : `(${node.items.map((item) => this.#terminal(item)).join(' ')})`;
      case 'choice':
        return `(${node.options.map((option) => this.#terminal(option)).join(' | ')})`;
      case 'repeat':
        return node.most === 0 ? '""' : `(${this.#terminal(node.item)})${timesOf(node)}`;
    }
  }
}

/** Whether one of these, as far as they are texts, begins another. */
function haveCommonStarts(options: readonly Gbnf[]): boolean {
  const texts = options.flatMap((option) => (option.type === 'text' ? [option.text] : [])).sort();
  return texts.some((text, index) => index > 0 && text.startsWith(texts[index - 1] as string));
}

function timesOf({ least, most }: Extract<Gbnf, { type: 'repeat' }>): string {
  if (most === undefined && least < 2) return least === 0 ? '*' : '+';
  if (least === 0 && most === 1) return '?';
  return `{${least},${most ?? ''}}`;
}

function classOf({ negated, ranges }: Extract<Gbnf, { type: 'class' }>): string {
  if (ranges.length === 0) return '/(.|\\n)/';
  const hex = (code: number) => `\\x{${code.toString(16)}}`;
  return `/[${negated ? '^' : ''}${ranges.map(([first, last]) => `${hex(first)}-${hex(last)}`).join('')}]/`;
}
