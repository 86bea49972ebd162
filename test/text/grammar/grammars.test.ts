// The grammars of the corpus: the code makes those that the C++ tests hold to their texts, and reads those texts back.
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { describe, expect, it } from 'vitest';
import { checkSchema } from '../../../src/text/grammar/json-schema.js';
import { makeReplyParser } from '../../../src/text/reply-format.js';
import type { ReplyPart } from '../../../src/text/reply-parts.js';
import { grammarOfReply, grammarOfSchema, type ReplyCase, readCases, type SchemaCase } from './cases.js';

const SCHEMAS = readCases<SchemaCase>('schemas.json');
const REPLIES = readCases<ReplyCase>('replies.json');

/** Whether an independent validator takes the text. */
function judge({ schema }: SchemaCase): (text: string) => boolean {
  const ajv = new Ajv2020({ strict: false, logger: false });
  addFormats.default(ajv);
  const fits = ajv.compile(schema);
  return (text) => {
    try {
      return fits(JSON.parse(text));
    } catch {
      return false;
    }
  };
}

function callsOf(parts: readonly ReplyPart[]): [string, unknown][] {
  const calls: { name: string; json: string }[] = [];
  for (const part of parts) {
    if (part.type === 'tool-call') calls.push({ name: part.name, json: '' });
    if (part.type === 'tool-arguments') (calls.at(-1) as { json: string }).json += part.text;
  }
  return calls.map(({ name, json }) => [name, JSON.parse(json)]);
}

describe.each(SCHEMAS.map((one) => [one.name, one] as const))('the schema: %s', (_, one) => {
  it('passes the check, and makes the grammar that the C++ tests run', () => {
    expect(checkSchema(one.schema)).toBeUndefined();
    expect(grammarOfSchema(one)).toBe(one.grammar);
  });

  it('has instances that an independent validator takes, and others that it does not', () => {
    const fits = judge(one);
    expect(one.valid.filter((text) => !fits(text))).toEqual([]);
    expect(one.invalid.filter(fits)).toEqual([]);
  });
});

describe.each(REPLIES.map((one) => [one.name, one] as const))('the reply: %s', (_, one) => {
  it('makes the grammar that the C++ tests run', () => {
    expect(grammarOfReply(one)).toBe(one.grammar);
  });

  it('is read as the calls that it makes', () => {
    const { format, thinking, demand } = one;
    const tools = (demand.calls?.tools ?? []).map(({ name, schema }) => ({ name, parameters: schema }));
    for (const { text, calls } of one.accepted) {
      const parser = makeReplyParser({ thinkTags: undefined, ...format }, { tools, thinking });
      const parts = parser ? [...parser.push(text), ...parser.flush()] : [];
      expect(callsOf(parts)).toEqual(calls);
    }
  });
});
