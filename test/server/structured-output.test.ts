// What a request holds its reply to: the fields of both routes, and what goes wrong later than the request's validation.
import { describe, expect, it } from 'vitest';
import { EngineError } from '../../src/engine/types.js';
import type { TextConstraint } from '../../src/services/types.js';
import { appFor, chatBody, post, saying } from './support/requests.js';
import { ScriptedModel } from './support/scripted-model.js';

const SCHEMA = { type: 'object', properties: { a: { type: 'integer' } } };
const OBJECT = { type: 'object' };
const jsonFormat = (json_schema: object) => ({ response_format: { type: 'json_schema', json_schema } });

const CONSTRAINTS: [fields: object, constraint: TextConstraint | undefined][] = [
  [{ response_format: { type: 'text' } }, undefined],
  [{ structured_outputs: { json_object: false } }, undefined],
  [{ response_format: { type: 'json_object' } }, { type: 'json', schema: OBJECT }],
  [jsonFormat({ name: 's', strict: true, schema: SCHEMA }), { type: 'json', schema: SCHEMA }],
  [jsonFormat({ name: 's', strict: false, schema: SCHEMA }), { type: 'json', schema: SCHEMA }],
  [jsonFormat({ name: 's' }), { type: 'json', schema: OBJECT }],
  [{ structured_outputs: { json_object: true } }, { type: 'json', schema: OBJECT }],
  [{ structured_outputs: { json: SCHEMA } }, { type: 'json', schema: SCHEMA }],
  [{ guided_json: SCHEMA }, { type: 'json', schema: SCHEMA }],
  [{ guided_json: JSON.stringify(SCHEMA) }, { type: 'json', schema: SCHEMA }],
  [
    { guided_json: SCHEMA, structured_outputs: { disable_any_whitespace: true } },
    { type: 'json', schema: SCHEMA, whitespace: '' },
  ],
  [
    { structured_outputs: { json: SCHEMA, whitespace_pattern: ' ?' } },
    { type: 'json', schema: SCHEMA, whitespace: ' ?' },
  ],
  [
    { response_format: { type: 'json_object' }, guided_whitespace_pattern: '\\n' },
    { type: 'json', schema: OBJECT, whitespace: '\\n' },
  ],
  [{ structured_outputs: { json: SCHEMA, disable_any_whitespace: false } }, { type: 'json', schema: SCHEMA }],
  [{ guided_regex: 'a+' }, { type: 'regex', pattern: 'a+' }],
  [{ structured_outputs: { regex: 'a+' } }, { type: 'regex', pattern: 'a+' }],
  [{ guided_choice: ['a', 'b'] }, { type: 'choice', choices: ['a', 'b'] }],
  [{ structured_outputs: { choice: ['a'] } }, { type: 'choice', choices: ['a'] }],
  [{ guided_grammar: 'start: "a"' }, { type: 'lark', grammar: 'start: "a"' }],
  [{ grammar: 'root ::= "a"+' }, { type: 'lark', grammar: 'start: R0\nR0: ("a")+\n' }],
  [{ structured_outputs: { grammar: 'start: "a"' } }, { type: 'lark', grammar: 'start: "a"' }],
];

describe.each(CONSTRAINTS.map((row) => [JSON.stringify(row[0]), ...row] as const))('%s', (_, fields, constraint) => {
  it('holds a chat reply and a completion alike', async () => {
    const model = saying('ok');
    expect((await post(appFor(model), chatBody({ ...fields }))).statusCode).toBe(200);
    const payload = { model: 'scripted/model', prompt: 'p', ...fields };
    const headers = { host: 'localhost:8080' };
    const completion = await appFor(model).inject({ method: 'POST', url: '/v1/completions', headers, payload });
    expect(completion.statusCode).toBe(200);
    expect(model.calls.map((call) => call.input.constraint)).toEqual([constraint, constraint]);
  });
});

it('tells the line and the column of what is wrong with a grammar in GBNF', async () => {
  for (const [fields, param] of [
    [{ guided_grammar: 'root ::= a\na ::= [z-a]' }, 'guided_grammar'],
    [{ structured_outputs: { grammar: 'root ::= a\na ::= [z-a]' } }, 'structured_outputs.grammar'],
    [{ grammar: 'root ::= a\na ::= [z-a]' }, 'grammar'],
  ] as const) {
    const response = await post(appFor(saying('ok')), chatBody({ ...fields }));
    expect(response.statusCode).toBe(400);
    const message = `Invalid '${param}': line 2, column 11: this range ends before it begins.`;
    expect(response.json().error).toMatchObject({ code: 'invalid_grammar', param, message });
  }
});

describe('white space', () => {
  it.each([
    [
      { guided_json: {}, guided_whitespace_pattern: ' ', structured_outputs: { disable_any_whitespace: true } },
      'guided_whitespace_pattern',
      /together with 'structured_outputs.disable_any_whitespace'/,
    ],
    [
      { guided_regex: 'a', structured_outputs: { whitespace_pattern: ' ' } },
      'structured_outputs.whitespace_pattern',
      /held to JSON/,
    ],
    [{ guided_whitespace_pattern: ' ' }, 'guided_whitespace_pattern', /held to JSON/],
  ])('is refused where it is said twice, or of no JSON: %j', async (fields, param, message) => {
    const response = await post(appFor(saying('ok')), chatBody({ ...fields }));
    expect(response.statusCode).toBe(400);
    expect(response.json().error).toMatchObject({ param, message: expect.stringMatching(message) });
  });
});

const tool = (name: string, more: object = {}) => ({ type: 'function', function: { name, ...more } });
const TOOLS = [tool('a', { strict: true, parameters: SCHEMA }), tool('b')];
const allowed = (mode: string) => ({ type: 'allowed_tools', allowed_tools: { mode, tools: [tool('b')] } });

describe('the choice of tools', () => {
  it.each([
    [{ tools: TOOLS }, undefined],
    [{ tools: TOOLS, tool_choice: 'auto' }, undefined],
    [{ tools: TOOLS, tool_choice: 'required' }, { required: true }],
    [
      { tools: TOOLS, tool_choice: tool('b') },
      { required: true, names: ['b'] },
    ],
    [
      { tools: TOOLS, tool_choice: allowed('auto') },
      { required: false, names: ['b'] },
    ],
    [
      { tools: TOOLS, tool_choice: allowed('required') },
      { required: true, names: ['b'] },
    ],
    [
      { functions: [{ name: 'f' }], function_call: { name: 'f' } },
      { required: true, names: ['f'] },
    ],
    [{ functions: [{ name: 'f' }], function_call: 'auto' }, undefined],
  ])('%j', async (fields, choice) => {
    const model = saying('ok');
    expect((await post(appFor(model), chatBody({ ...fields }))).statusCode).toBe(200);
    expect(model.calls[0]?.input.toolChoice).toEqual(choice);
  });

  it('keeps all tools for the model to read, strict ones as such', async () => {
    const model = saying('ok');
    await post(appFor(model), chatBody({ tools: TOOLS, tool_choice: tool('b') }));
    expect(model.calls[0]?.input.tools).toEqual([{ name: 'a', strict: true, parameters: SCHEMA }, { name: 'b' }]);
  });
});

describe('what the engine says of a grammar', () => {
  const failing = (error: EngineError) => new ScriptedModel(undefined, (call) => call.fail(error));

  it.each([
    ['invalid_grammar', 'invalid_grammar', { guided_grammar: 'start: x' }, 'guided_grammar'],
    ['invalid_grammar', 'invalid_grammar', { tools: TOOLS }, 'tools'],
    ['grammar_failed', 'invalid_grammar', { response_format: { type: 'json_object' } }, 'response_format'],
    ['grammars_unavailable', 'unsupported_value', { structured_outputs: { regex: 'a' } }, 'structured_outputs.regex'],
  ] as const)('%s is a 400 that names the field', async (code, wire, fields, param) => {
    for (const stream of [false, true]) {
      const model = failing(new EngineError(code, 'the reason'));
      const response = await post(appFor(model), chatBody({ ...fields, stream }));
      expect(response.statusCode).toBe(400);
      expect(response.json().error).toMatchObject({
        code: wire,
        param,
        message: expect.stringContaining('the reason'),
      });
    }
  });
});
