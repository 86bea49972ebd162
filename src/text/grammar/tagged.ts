// Calls with a tag for each argument, held to the tool's schema: values that are strings are text up to the closing tag,
// of which a schema's `enum` is enforced and no other bound; all other values are JSON. Pure.
import type { CallTags } from '../tool-calls/tagged-calls.js';
import { type JsonSchema, json, oneOf, type RuleBook } from './lark.js';

export interface TaggedLayout {
  tags: CallTags;
  /** After the name of a call, after a key, and after a call. */
  nameEnd: string;
  /** Names and keys stand in double quotes. */
  quotes: boolean;
  /** Keys say whether the value is a string. */
  tellsStrings: boolean;
}

/** One call without the tags around it. */
export function taggedCall(book: RuleBook, layout: TaggedLayout, name: string, schema: JsonSchema): string {
  const { tags, nameEnd } = layout;
  const required = new Set(Array.isArray(schema.required) ? (schema.required as string[]) : []);
  const begin = book.text(`${tags.call ?? ''}${attribute(layout, name)}${nameEnd}\n`);
  const end = tags.call === undefined ? '' : book.text(`${tags.callEnd}\n`);
  const parameters = Object.entries((schema.properties ?? {}) as Record<string, JsonSchema>).map(([key, property]) => {
    const rule = book.add(parameter(book, layout, key, withDefinitions(property, schema)));
    return required.has(key) ? rule : `${rule}?`;
  });
  return [begin, ...parameters, end].filter((part) => part !== '').join(' ');
}

function parameter(book: RuleBook, layout: TaggedLayout, key: string, schema: JsonSchema): string {
  const { tags, tellsStrings } = layout;
  const { enum: choices, const: only, type } = schema;
  const line = tags.ownLines ? '\n' : '';
  const isString = type === 'string' || isTexts(choices) || typeof only === 'string';
  const told = tellsStrings ? ` string="${isString}"` : '';
  const open = book.text(`${tags.key}${attribute(layout, key)}${told}${tags.keyEnd}${separatorOf(tags)}${line}`);
  const close = `${line}${tags.valueEnd}`;
  const after = book.text('\n');
  if (isTexts(choices)) return `${open} ${oneOf(choices.map((one) => book.text(one + close)))} ${after}`;
  if (typeof only === 'string') return `${open} ${book.text(only + close)} ${after}`;
  if (isString) return `${open} ${book.upTo(close)} ${after}`;
  return `${open} ${json(schema)} ${book.text(close)} ${after}`;
}

const separatorOf = ({ value }: CallTags): string => (value === undefined ? '' : `\n${value}`);

const attribute = ({ quotes }: TaggedLayout, text: string): string => (quotes ? `"${text}"` : text);

const isTexts = (values: unknown): values is string[] =>
  Array.isArray(values) && values.every((value) => typeof value === 'string');

/** A property's schema with what its references look for. */
function withDefinitions(property: JsonSchema | boolean, { $defs, definitions }: JsonSchema): JsonSchema {
  const own = typeof property === 'boolean' ? {} : property;
  return { ...own, ...($defs ? { $defs } : {}), ...(definitions ? { definitions } : {}) };
}
