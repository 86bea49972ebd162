// Which schemas are refused, and where their fault is.
import { describe, expect, it } from 'vitest';
import { checkSchema } from '../../../src/text/grammar/json-schema.js';

const object = (properties: object) => ({ type: 'object', properties });

const REFUSED: [schema: Record<string, unknown>, path: (string | number)[], message: RegExp][] = [
  [{ not: {} }, ['not'], /does not support/],
  [object({ a: { type: 'array', uniqueItems: true } }), ['properties', 'a', 'uniqueItems'], /does not support/],
  [{ anyOf: [{}, { if: {} }] }, ['anyOf', 1, 'if'], /does not support/],
  [{ $defs: { x: { contains: {} } } }, ['$defs', 'x', 'contains'], /does not support/],
  [{ items: { dependentRequired: {} } }, ['items', 'dependentRequired'], /does not support/],
  [{ allOf: [{ propertyNames: { maxLength: 3 } }] }, ['allOf', 0, 'propertyNames'], /an enum or a pattern/],
  [{ ...object({}), propertyNames: { pattern: 'a' } }, ['propertyNames'], /no properties are named/],
  [{ propertyNames: { enum: [] } }, ['propertyNames'], /enum of strings/],
  [{ propertyNames: { enum: ['a', 1] } }, ['propertyNames'], /enum of strings/],
  [{ propertyNames: { pattern: 'a(?=b)' } }, ['propertyNames'], /looks around/],
  [{ propertyNames: false }, ['propertyNames'], /an enum or a pattern/],
  [object({ a: { nullable: true } }), ['properties', 'a', 'nullable'], /does not support/],
  [{ typo: 1 }, ['typo'], /does not support/],
  [{ type: 'text' }, ['type'], /'text'/],
  [{ type: [] }, ['type'], /name a type/],
  [{ type: 'string', format: 'e164' }, ['format'], /beside a pattern, got 'e164'/],
  [{ type: 'string', pattern: '(' }, ['pattern'], /no regular expression/],
  [{ type: 'string', pattern: 'a(?=b)' }, ['pattern'], /looks around/],
  [{ type: 'string', pattern: '(a)\\1' }, ['pattern'], /looks around/],
  [{ patternProperties: { '[': {} } }, ['patternProperties'], /no regular expression/],
  [{ type: 'string', maxLength: 1e6 }, ['maxLength'], /at most 65536/],
  [{ minItems: -1 }, ['minItems'], /from 0/],
  [{ minimum: '1' }, ['minimum'], /a number/],
  [{ multipleOf: 0 }, ['multipleOf'], /above 0/],
  [{ enum: [] }, ['enum'], /not empty/],
  [{ anyOf: [] }, ['anyOf'], /not empty/],
  [{ required: 'a' }, ['required'], /array of strings/],
  [{ properties: [] }, ['properties'], /object of schemas/],
  [object({ a: 1 }), ['properties', 'a'], /must be a schema/],
  [{ items: [{}, 'x'] }, ['items', 1], /must be a schema/],
  [{ anyOf: Array(125_000).fill(1) }, ['anyOf', 0], /must be a schema/],
  [{ $ref: 'https://example.org/s' }, ['$ref'], /inside this schema/],
  [object({ a: { $ref: '#/$defs/x' } }), ['properties', 'a', '$ref'], /not in this schema/],
  [{ title: 'x'.repeat(300_000) }, [], /longer than/],
];

describe('a schema that is refused', () => {
  it.each(REFUSED.map((row) => [JSON.stringify(row[0]).slice(0, 60), ...row] as const))(
    '%s',
    (_, schema, path, text) => {
      expect(checkSchema(schema)).toEqual({ path, message: expect.stringMatching(text) });
    },
  );
});

describe('a schema that passes', () => {
  it.each([
    {},
    { 'x-anything': { not: 1 }, 'x-guidance': { lenient: true } },
    { enum: [{ not: 1 }], const: { not: 1 }, default: { typo: 1 } },
    object({ not: { type: 'string' }, typo: true, $ref: false }),
    { $ref: '#/$defs/a~1b', $defs: { 'a/b': { type: 'null' } } },
    { properties: { a: { $ref: '#' } } },
    { pattern: '^\\d+(?:[a-z]|\\w)$' },
    { ...object({ a: {} }), propertyNames: { type: 'string' } },
    { anyOf: [{ format: 'binary' }, { format: 'file-path' }, { format: 'base64' }] },
    { format: 'ends_with', allOf: [{ pattern: '^a' }, { pattern: 'b$' }] },
    { propertyNames: true, contentEncoding: 'base64', contentMediaType: 'image/png' },
  ])('%j', (schema) => {
    expect(checkSchema(schema)).toBeUndefined();
  });
});
