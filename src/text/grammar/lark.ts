// Pieces of grammars in llguidance's dialect of Lark. Pure.
import { type JsonSchema, toCompilerSchema } from './compiler-schema.js';

/** What tells control tokens, which a grammar names by their ids, from text. */
export interface ControlTokens {
  readonly controlTokens: readonly string[];
  idOf(token: string): number | undefined;
}

/**
 * Between the parts of JSON: a space, or a line break with its indent. A small model that may write more can fill a reply
 * with nothing else.
 */
const WHITE_SPACE = '\\x20|\\x0D?\\x0A(\\x20{0,8}|\\x09{0,4})';

export type { JsonSchema };

/** Any text, control tokens excepted. */
export const ANY_TEXT = '/(.|\\n)*/';

/** White space between the parts of a reply. */
export const SPACE = '/[ \\n\\r\\t]{0,8}/';

/** Collects rules, and gives them names. */
export class RuleBook {
  readonly #rules: string[] = [];

  constructor(private readonly tokens: ControlTokens) {}

  /** Adds a rule and gives its name; `attribute` as `lazy`. */
  add(body: string, attribute?: string): string {
    const name = `r${this.#rules.length}`;
    this.#rules.push(`${name}${attribute === undefined ? '' : `[${attribute}]`}: ${body}`);
    return name;
  }

  /** A rule whose body needs its name: `make` gets that. */
  addRecursive(make: (name: string) => string): string {
    const name = this.add('');
    const place = this.#rules.length - 1;
    this.#rules[place] = `${name}: ${make(name)}`;
    return name;
  }

  /** Exactly this text; control tokens in it by their ids. */
  text(text: string): string {
    const pieces: string[] = [];
    let rest = text;
    while (rest !== '') {
      const found = firstToken(rest, this.tokens.controlTokens);
      const plain = found === undefined ? rest : rest.slice(0, found.at);
      if (plain !== '') pieces.push(quoted(plain));
      if (found === undefined) break;
      pieces.push(`<[${this.tokens.idOf(found.token)}]>`);
      rest = rest.slice(found.at + found.token.length);
    }
    return pieces.length === 0 ? '""' : pieces.join(' ');
  }

  /** Any text, up to the first `end` and with it. */
  upTo(end: string): string {
    const found = firstToken(end, this.tokens.controlTokens);
    if (found?.at === 0) return `${ANY_TEXT} ${this.text(end)}`;
    if (found === undefined) return this.add(`${ANY_TEXT} ${quoted(end)}`, 'lazy');
    return `${this.add(`${ANY_TEXT} ${quoted(end.slice(0, found.at))}`, 'lazy')} ${this.text(end.slice(found.at))}`;
  }

  /** The source of the grammar whose texts are those of `start`. */
  build(start: string): string {
    return `start: ${start}\n${this.#rules.map((rule) => `${rule}\n`).join('')}`;
  }
}

/** JSON that fits a schema, which checkSchema has passed. `whitespace` may stand between its parts; '' is none. */
export function json(schema: JsonSchema, whitespace: string = WHITE_SPACE): string {
  const options = whitespace === '' ? { whitespace_flexible: false } : { whitespace_pattern: whitespace };
  return `%json ${JSON.stringify({ ...toCompilerSchema(schema), 'x-guidance': options })}`;
}

/** A regular expression that the whole text matches. */
export function regex(pattern: string): string {
  const inner = pattern.replace(/^\^/u, '').replace(/(?<!\\)((?:\\\\)*)\$$/u, '$1');
  if (inner === '') return '""';
  return `/${inner.replace(/\\.|\//gsu, (found) => (found === '/' ? '\\/' : found)).replaceAll('\n', '\\n')}/`;
}

/** One of these. */
export const oneOf = (bodies: readonly string[]): string =>
  bodies.length === 1 ? `${bodies[0]}` : `(${bodies.join(' | ')})`;

export function quoted(text: string): string {
  return JSON.stringify(text).replaceAll('\x7f', '\\u007f');
}

function firstToken(text: string, tokens: readonly string[]): { token: string; at: number } | undefined {
  let first: { token: string; at: number } | undefined;
  for (const token of tokens) {
    const at = text.indexOf(token);
    if (at >= 0 && (first === undefined || at < first.at)) first = { token, at };
  }
  return first;
}
