// Which JSON Schemas a grammar can hold a reply to: a table of the keywords, and the check of a schema against it, which
// names the place of what is wrong. The compiler (llguidance) ignores keywords that it does not know; here they are
// refused, as a promise that is not kept is worse than none. Pure.

import { FORMATS } from './compiler-schema.js';

export interface SchemaProblem {
  /** Where, from the schema's root. */
  path: readonly (string | number)[];
  message: string;
}

/** A schema of more is refused. */
const MAX_LENGTH = 256 * 1024;
/** Of lengths and counts: larger ones take long to compile. */
const MAX_COUNT = 65_536;

const TYPES = ['null', 'boolean', 'number', 'integer', 'string', 'array', 'object'];
/** What no automaton can look for. */
const LOOKS_AROUND = /\((?:\?[=!]|\?<[=!])|\\[1-9]|\\k</u;

/** Checks a keyword's value; adds its own subschemas to what is left to check. */
type Check = (value: unknown, at: Place) => string | undefined;

interface Place {
  path: readonly (string | number)[];
  root: object;
  /** What the keyword stands in. */
  schema: Readonly<Record<string, unknown>>;
  /** Subschemas that are still to be checked. */
  left: { value: unknown; path: readonly (string | number)[] }[];
}

const subschema: Check = (value, { path, left }) => {
  left.push({ value, path });
  return undefined;
};

const subschemas: Check = (value, { path, left }) => {
  if (!Array.isArray(value) || value.length === 0) return 'must be an array of schemas, not empty';
  for (const [index, item] of value.entries()) left.push({ value: item, path: [...path, index] });
  return undefined;
};

const namedSchemas: Check = (value, { path, left }) => {
  if (!isObject(value)) return 'must be an object of schemas';
  for (const [name, item] of Object.entries(value)) left.push({ value: item, path: [...path, name] });
  return undefined;
};

const items: Check = (value, place) => (Array.isArray(value) ? subschemas(value, place) : subschema(value, place));

const count: Check = (value) => {
  if (!Number.isInteger(value) || (value as number) < 0) return 'must be an integer from 0';
  return (value as number) > MAX_COUNT ? `must be at most ${MAX_COUNT} on this server` : undefined;
};

const number: Check = (value) => (Number.isFinite(value) ? undefined : 'must be a number');

const factor: Check = (value) => (Number.isFinite(value) && (value as number) > 0 ? undefined : 'must be above 0');

const names: Check = (value) =>
  Array.isArray(value) && value.every((name) => typeof name === 'string') ? undefined : 'must be an array of strings';

const values: Check = (value) => (Array.isArray(value) && value.length > 0 ? undefined : 'must be an array, not empty');

const type: Check = (value) => {
  const wrong = [value].flat().find((name) => !TYPES.includes(name as string));
  if (Array.isArray(value) && value.length === 0) return 'must name a type';
  return wrong === undefined ? undefined : `must be one of ${TYPES.join(', ')}, got ${quote(wrong)}`;
};

/** Beside a pattern, or several, a format that is not known is a name for it. */
const format: Check = (value, { schema }) =>
  FORMATS.includes(value as string) || [schema, schema.allOf].flat().some(hasPattern)
    ? undefined
    : `must be one of ${FORMATS.join(', ')} on this server, or stand beside a pattern, got ${quote(value)}`;

const pattern: Check = (value) => patternProblem(value);

const patternSchemas: Check = (value, place) => {
  const wrong = isObject(value) ? Object.keys(value).map(patternProblem).find(Boolean) : undefined;
  return wrong ?? namedSchemas(value, place);
};

/** All names are strings; what holds them further becomes properties. */
const propertyNames: Check = (value, { schema }) => {
  if (value === true) return undefined;
  const { type = 'string', enum: names, pattern, ...rest } = isObject(value) ? value : { rest: true };
  const isText = type === 'string' && Object.keys(rest).length === 0;
  if (isText && names === undefined && pattern === undefined) return undefined;
  const named = Object.hasOwn(schema, 'properties') || Object.hasOwn(schema, 'patternProperties');
  if (!isText || named || (names !== undefined && pattern !== undefined)) {
    return 'may have an enum or a pattern on this server, and that only where no properties are named';
  }
  if (names === undefined) return patternProblem(pattern);
  return Array.isArray(names) && names.length > 0 && names.every((name) => typeof name === 'string')
    ? undefined
    : 'must have an enum of strings';
};

const reference: Check = (value, { root }) => {
  if (typeof value !== 'string' || !value.startsWith('#'))
    return `must be a reference inside this schema, as in '#/$defs/name'`;
  return resolveReference(root, value) === undefined
    ? `refers to ${quote(value)}, which is not in this schema`
    : undefined;
};

const anything: Check = () => undefined;

const KEYWORDS: ReadonlyMap<string, Check> = new Map(
  Object.entries({
    type,
    enum: values,
    const: anything,
    $ref: reference,
    anyOf: subschemas,
    oneOf: subschemas,
    allOf: subschemas,
    items,
    additionalItems: subschema,
    prefixItems: subschemas,
    minItems: count,
    maxItems: count,
    properties: namedSchemas,
    additionalProperties: subschema,
    patternProperties: patternSchemas,
    propertyNames,
    required: names,
    minProperties: count,
    maxProperties: count,
    minLength: count,
    maxLength: count,
    pattern,
    format,
    minimum: number,
    maximum: number,
    exclusiveMinimum: number,
    exclusiveMaximum: number,
    multipleOf: factor,
    $defs: namedSchemas,
    definitions: namedSchemas,
    // Words for readers, which say nothing about what fits.
    $schema: anything,
    $id: anything,
    id: anything,
    $comment: anything,
    title: anything,
    description: anything,
    default: anything,
    examples: anything,
    contentEncoding: anything,
    contentMediaType: anything,
    deprecated: anything,
    discriminator: anything,
    readOnly: anything,
    writeOnly: anything,
  } satisfies Record<string, Check>),
);

/** The first thing that is wrong with a schema, or that a grammar cannot promise; undefined for one that can be compiled. */
export function checkSchema(schema: Readonly<Record<string, unknown>>): SchemaProblem | undefined {
  if (JSON.stringify(schema).length > MAX_LENGTH)
    return { path: [], message: `is longer than ${MAX_LENGTH} characters` };
  const left: Place['left'] = [{ value: schema, path: [] }];
  // The loop goes on with what is added meanwhile.
  for (const { value, path } of left) {
    if (typeof value === 'boolean') continue;
    if (!isObject(value)) return { path, message: 'must be a schema: an object or a boolean' };
    for (const [keyword, argument] of Object.entries(value)) {
      if (keyword.startsWith('x-')) continue;
      const check = KEYWORDS.get(keyword);
      const place = { path: [...path, keyword], root: schema, schema: value, left };
      const message = check ? check(argument, place) : 'is a keyword that this server does not support';
      if (message !== undefined) return { path: place.path, message };
    }
  }
  return undefined;
}

/** What a local reference (`#/$defs/name`) points at; undefined when there is nothing. */
export function resolveReference(root: object, reference: string): unknown {
  let found: unknown = root;
  for (const step of reference.slice(1).split('/').slice(1)) {
    const key = decodeStep(step);
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, key)) return undefined;
    found = (found as Record<string, unknown>)[key];
  }
  return /^#(?:\/|$)/u.test(reference) ? found : undefined;
}

function decodeStep(step: string): string {
  try {
    return decodeURIComponent(step).replaceAll('~1', '/').replaceAll('~0', '~');
  } catch {
    return step;
  }
}

function patternProblem(value: unknown): string | undefined {
  if (typeof value !== 'string') return 'must be a regular expression';
  try {
    new RegExp(value, 'u');
  } catch {
    return `is no regular expression: ${quote(value)}`;
  }
  return LOOKS_AROUND.test(value) ? 'looks around or back, which this server does not support' : undefined;
}

const hasPattern = (value: unknown): boolean => isObject(value) && Object.hasOwn(value, 'pattern');

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const quote = (value: unknown): string => `'${String(value).slice(0, 100)}'`;
