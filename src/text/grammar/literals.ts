// Values as function calls write them, held to a JSON Schema: Python's literals, and Gemma's objects with unquoted
// keys. What of a schema has no such form (bounds and patterns of strings) is not enforced here. Pure.
import { resolveReference } from './json-schema.js';
import { type JsonSchema, json, oneOf, quoted, type RuleBook } from './lark.js';

export interface LiteralSyntax {
  constants: { true: string; false: string; null: string };
  /** Around every string; inside it nothing is escaped. Absent: strings as JSON has them. */
  quote?: string;
  /** Keys of objects stand without quotes. */
  bareKeys: boolean;
  /** Between key and value of an object. */
  assign: string;
  separator: string;
}

export const PYTHON_SYNTAX: LiteralSyntax = {
  constants: { true: 'True', false: 'False', null: 'None' },
  bareKeys: false,
  assign: ': ',
  separator: ', ',
};

export const gemmaSyntax = (quote: string): LiteralSyntax => ({
  constants: { true: 'true', false: 'false', null: 'null' },
  quote,
  bareKeys: true,
  assign: ':',
  separator: ',',
});

/** Rules for the values of one schema. */
export class LiteralRules {
  readonly #references = new Map<string, string>();

  constructor(
    private readonly book: RuleBook,
    private readonly syntax: LiteralSyntax,
    /** Where references look. */
    private readonly root: JsonSchema,
  ) {}

  value(schema: unknown): string {
    if (typeof schema !== 'object' || schema === null) return this.#any();
    const { $ref, anyOf, oneOf: exclusive, enum: choices, const: only, type } = schema as JsonSchema;
    if (typeof $ref === 'string') return this.#reference($ref);
    if (only !== undefined) return this.#constant(only);
    if (Array.isArray(choices)) return oneOf(choices.map((choice) => this.#constant(choice)));
    const alternatives = anyOf ?? exclusive;
    if (Array.isArray(alternatives)) return oneOf(alternatives.map((one) => this.value(one)));
    if (type === undefined) return this.#any();
    return oneOf([type].flat().map((name) => this.#typed(name as string, schema as JsonSchema)));
  }

  /** `key=value` pairs of an object schema, in its order, those that are not required left out or not. */
  pairs(schema: JsonSchema, pair: (key: string, value: string) => string): string {
    const required = new Set(Array.isArray(schema.required) ? (schema.required as string[]) : []);
    const properties = Object.entries((schema.properties ?? {}) as Record<string, unknown>);
    const elements = properties.map(([key, value]) => ({
      rule: this.book.add(pair(key, this.value(value))),
      optional: !required.has(key),
    }));
    return separated(elements, quoted(this.syntax.separator));
  }

  #typed(type: string, schema: JsonSchema): string {
    const { constants } = this.syntax;
    switch (type) {
      case 'string':
        return this.#anyString();
      case 'boolean':
        return `("${constants.true}" | "${constants.false}")`;
      case 'null':
        return `"${constants.null}"`;
      case 'array':
        return this.#array(schema);
      case 'object':
        return this.#object(schema);
      default:
        return json({ ...schema, type });
    }
  }

  #array({ items, minItems }: JsonSchema): string {
    const item = this.value(typeof items === 'object' && !Array.isArray(items) ? items : undefined);
    const some = `${item} (${quoted(this.syntax.separator)} ${item})*`;
    return typeof minItems === 'number' && minItems > 0 ? `"[" ${some} "]"` : `"[" (${some})? "]"`;
  }

  #object(schema: JsonSchema): string {
    const { assign, bareKeys } = this.syntax;
    if (schema.properties === undefined) return this.#anyObject();
    const pairs = this.pairs(
      schema,
      (key, value) => `${quoted((bareKeys ? key : JSON.stringify(key)) + assign)} ${value}`,
    );
    return `"{" ${pairs} "}"`;
  }

  #reference(reference: string): string {
    const known = this.#references.get(reference);
    if (known !== undefined) return known;
    return this.book.addRecursive((name) => {
      this.#references.set(reference, name);
      return this.value(resolveReference(this.root, reference));
    });
  }

  #constant(value: unknown): string {
    if (typeof value === 'string') return this.book.text(this.#inQuotes(value));
    if (value === null || typeof value === 'boolean') {
      return quoted(this.syntax.constants[String(value) as 'true' | 'false' | 'null']);
    }
    return quoted(JSON.stringify(value));
  }

  #inQuotes(text: string): string {
    const { quote } = this.syntax;
    return quote === undefined ? JSON.stringify(text) : quote + text + quote;
  }

  #anyString(): string {
    const { quote } = this.syntax;
    return quote === undefined ? json({ type: 'string' }) : `${this.book.text(quote)} ${this.book.upTo(quote)}`;
  }

  #any(): string {
    return this.#named('', () => oneOf([this.#anyString(), json({ type: 'number' }), ...this.#wordsAndContainers()]));
  }

  #wordsAndContainers(): string[] {
    const words = Object.values(this.syntax.constants).map(quoted);
    return [...words, this.#array({ items: undefined }), this.#anyObject()];
  }

  #anyObject(): string {
    const { assign, bareKeys, separator } = this.syntax;
    const key = bareKeys ? '/[A-Za-z_][A-Za-z0-9_]*/' : json({ type: 'string' });
    const pair = this.#named('pair', () => `${key} ${quoted(assign)} ${this.#any()}`);
    return `"{" (${pair} (${quoted(separator)} ${pair})*)? "}"`;
  }

  /** One rule for all its uses: it may hold itself. */
  #named(key: string, make: () => string): string {
    const known = this.#references.get(key);
    if (known !== undefined) return known;
    return this.book.addRecursive((name) => {
      this.#references.set(key, name);
      return make();
    });
  }
}

/** Elements in their order, those that are optional left out or not, with `separator` between. */
function separated(elements: readonly { rule: string; optional: boolean }[], separator: string): string {
  const rest = (from: number) =>
    elements
      .slice(from)
      .map(({ rule, optional }) => `(${separator} ${rule})${optional ? '?' : ''}`)
      .join(' ');
  const firsts: string[] = [];
  for (const [index, { rule, optional }] of elements.entries()) {
    firsts.push(`${rule} ${rest(index + 1)}`.trim());
    if (!optional) return oneOf(firsts);
  }
  return firsts.length === 0 ? '""' : `(${firsts.join(' | ')})?`;
}
