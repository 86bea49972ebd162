// Formats of JSON Schema that the compiler takes wider than validators do. Pure.
import type { JsonSchema } from './lark.js';

/** The compiler's own is RFC 5321's, with `a@b` and `a@[127.0.0.1]`; validators want a domain with a dot. */
const EMAIL = { pattern: '@[A-Za-z0-9-]+(\\.[A-Za-z0-9-]+)+$' };

/** Keywords whose values are no schemas, and those whose values hold schemas by names of the user's. */
const LITERALS = new Set(['const', 'enum', 'default', 'examples']);
const NAMED = new Set(['properties', 'patternProperties', '$defs', 'definitions']);

/** The same schema, narrower where it says `format: "email"`. */
export function withNarrowFormats(schema: JsonSchema): JsonSchema {
  const entries = Object.entries(schema).map(([keyword, value]) => [keyword, narrowed(keyword, value)]);
  const narrow = Object.fromEntries(entries) as Record<string, unknown>;
  if (schema.format !== 'email') return narrow;
  return { ...narrow, allOf: [...((narrow.allOf as unknown[] | undefined) ?? []), EMAIL] };
}

function narrowed(keyword: string, value: unknown): unknown {
  if (LITERALS.has(keyword) || typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => narrowed(keyword, item));
  if (!NAMED.has(keyword)) return withNarrowFormats(value as JsonSchema);
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, narrowed('', item)]));
}
