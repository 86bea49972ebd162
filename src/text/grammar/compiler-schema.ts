// A schema that checkSchema has passed in the keywords that the compiler has, and as narrow as validators take them. Pure.

export type JsonSchema = Readonly<Record<string, unknown>>;

/** What the compiler holds text to. */
const COMPILED_FORMATS = [
  'date-time',
  'time',
  'date',
  'duration',
  'email',
  'hostname',
  'ipv4',
  'ipv6',
  'uuid',
  'uri',
] as const;

/** Formats of OpenAPI and pydantic that say nothing of which values fit. */
const LABELS = ['float', 'double', 'password', 'binary', 'path', 'file-path', 'directory-path'] as const;

const BASE64 = { pattern: '^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$' };

/** What formats demand beside what the compiler makes of them. */
const DEMANDS: Readonly<Record<string, JsonSchema>> = {
  // Its own is RFC 5321's, with `a@b` and `a@[127.0.0.1]`; validators want a domain with a dot.
  email: { pattern: '@[A-Za-z0-9-]+(\\.[A-Za-z0-9-]+)+$' },
  int32: { minimum: -(2 ** 31), maximum: 2 ** 31 - 1 },
  // The last numbers inside of the range that a double holds.
  int64: { minimum: -(2 ** 63) + 1024, maximum: 2 ** 63 - 1024 },
  byte: BASE64,
  base64: BASE64,
};

export const FORMATS: readonly string[] = [...new Set([...COMPILED_FORMATS, ...Object.keys(DEMANDS), ...LABELS])];

/**
 * Characters of JSON that the values of names may take when each has a copy. Larger ones stand behind a pattern: then the
 * compiler finds no way to demand all names.
 */
const MAX_COPIES = 8192;

/** Keywords whose values are no schemas, and those whose values hold schemas by names of the user's. */
const LITERALS = new Set(['const', 'enum', 'default', 'examples']);
const NAMED = new Set(['properties', 'patternProperties', '$defs', 'definitions']);

export function toCompilerSchema(schema: JsonSchema): JsonSchema {
  const { format, propertyNames, ...rest } = schema;
  const translated = Object.fromEntries(
    Object.entries(rest).map(([keyword, value]) => [keyword, inner(keyword, value)]),
  );
  const known = (COMPILED_FORMATS as readonly unknown[]).includes(format) ? { format } : {};
  const demand = typeof format === 'string' && Object.hasOwn(DEMANDS, format) ? DEMANDS[format] : undefined;
  const allOf = (translated.allOf as unknown[] | undefined) ?? [];
  return {
    ...translated,
    ...known,
    ...(demand ? { allOf: [...allOf, demand] } : {}),
    ...namesOf(propertyNames, translated.additionalProperties ?? {}),
  };
}

function inner(keyword: string, value: unknown): unknown {
  if (LITERALS.has(keyword) || typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => inner(keyword, item));
  if (!NAMED.has(keyword)) return toCompilerSchema(value as JsonSchema);
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, inner('', item)]));
}

/** Names that are held to something, with the values that all of them have. */
function namesOf(propertyNames: unknown, values: unknown): JsonSchema {
  const { enum: names, pattern } = (propertyNames ?? {}) as { enum?: string[]; pattern?: string };
  if (names === undefined && pattern === undefined) return {};
  if (names && names.length * JSON.stringify(values).length <= MAX_COPIES) {
    return { properties: Object.fromEntries(names.map((name) => [name, values])), additionalProperties: false };
  }
  return { patternProperties: { [pattern ?? anyOf(names ?? [])]: values }, additionalProperties: false };
}

const anyOf = (names: readonly string[]): string => `^(${names.map(escaped).join('|')})$`;

const escaped = (name: string): string => name.replace(/[\\^$.*+?()[\]{}|/]/gu, '\\$&');
