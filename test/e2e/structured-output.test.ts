// Replies of the default model that are held to something, drawn at random: all of them fit. Skipped in a build without
// grammars.
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { probeRuntime } from '../../src/engine/runtime.js';
import { openModel } from '../../src/services/served-model.js';
import type { GenerationInput, ServedModel, TextDelta } from '../../src/services/types.js';

const runtime = probeRuntime();
const hasGrammars = runtime.loads && runtime.grammars;
const ROOT = new URL('../../', import.meta.url).pathname;
const RANDOM = { temperature: 1, topP: 1, topK: 0, minP: 0 };

const person = {
  type: 'object',
  properties: {
    name: { type: 'string', maxLength: 12 },
    age: { type: 'integer', minimum: 0, maximum: 120 },
    address: { type: ['string', 'null'], format: 'ipv4' },
  },
  required: ['name', 'age'],
  additionalProperties: false,
};
const SCHEMAS = [
  person,
  { type: 'array', items: { enum: ['red', 'green', 'blue', 'dark green'] }, minItems: 1, maxItems: 4 },
  {
    $ref: '#/$defs/node',
    $defs: {
      node: {
        type: 'object',
        properties: { on: { type: 'boolean' }, next: { anyOf: [{ type: 'null' }, { $ref: '#/$defs/leaf' }] } },
        required: ['on', 'next'],
        additionalProperties: false,
      },
      leaf: { type: 'object', properties: { n: { type: 'number' } }, required: ['n'], additionalProperties: false },
    },
  },
  { type: 'string', pattern: '^[A-Z]{2}-[0-9]{3}$' },
];

let model: ServedModel;
beforeAll(async () => {
  if (!hasGrammars) return;
  model = await openModel({
    id: 'default',
    folder: `${ROOT}models/SmolLM2-135M-Instruct-4bit`,
    maxSequences: 16,
    maxQueue: 200,
  });
});
afterAll(() => model?.close());

async function reply(input: Partial<GenerationInput>, content = 'Answer with an example.') {
  const deltas: TextDelta[] = [];
  const messages = [{ role: 'user' as const, content }];
  const base = { messages, sampling: RANDOM, maxTokens: 72, stop: [], ignoreEos: false };
  for await (const delta of model.chat({ ...base, ...input })) deltas.push(delta);
  const text = deltas.map((delta) => (delta.type === 'text' ? delta.text : '')).join('');
  const args = deltas.map((delta) => (delta.type === 'tool-arguments' ? delta.text : '')).join('');
  const calls = deltas.flatMap((delta) => (delta.type === 'tool-call' ? [delta.name] : []));
  const last = deltas.at(-1);
  return { text, args, calls, reason: last?.type === 'finish' ? last.reason : undefined };
}

function validator(schema: object): (json: string) => boolean {
  const ajv = new Ajv2020({ strict: false });
  addFormats.default(ajv);
  const fits = ajv.compile(schema);
  return (json) => fits(JSON.parse(json));
}

describe.skipIf(!hasGrammars)('the default model, drawn at random', () => {
  it('gives JSON that fits its schema and ends by itself, 200 times of 200, beside replies that are free', async () => {
    const free = Promise.all(Array.from({ length: 2 }, () => reply({ maxTokens: 40 })));
    const held = SCHEMAS.flatMap((schema) => Array.from({ length: 50 }, () => schema));
    const replies = await Promise.all(
      held.map((schema, seed) =>
        reply({ constraint: { type: 'json', schema }, sampling: { ...RANDOM, seed }, maxTokens: 200 }),
      ),
    );
    for (const [index, { text, reason }] of replies.entries()) {
      const fits = validator(held[index] as object);
      expect({ text, reason, fits: fits(text) }).toEqual({ text, reason: 'stop', fits: true });
    }
    expect((await free).every(({ text }) => text.length > 0)).toBe(true);
  }, 300_000);

  it('writes no white space where that is asked for, and the same text whether log-probabilities are wanted or not', async () => {
    for (const seed of [1, 2, 3, 4]) {
      const constraint = { type: 'json' as const, schema: person, whitespace: '' };
      const sampling = { ...RANDOM, seed };
      const [plain, scored] = await Promise.all([
        reply({ constraint, sampling }),
        reply({ constraint, sampling: { ...sampling, logprobs: 0 } }),
      ]);
      expect(plain?.text).toMatch(/^\{"name":".*","age":\d+(,"address":("[\d.]+"|null))?\}$/u);
      expect(scored).toEqual(plain);
    }
  });

  it('keeps to patterns, choices and grammars', async () => {
    const [pattern, choice, lark] = await Promise.all([
      reply({ constraint: { type: 'regex', pattern: '[0-9]{3}-[a-f]{4}' } }),
      reply({ constraint: { type: 'choice', choices: ['certainly not', 'perhaps'] } }),
      reply({ constraint: { type: 'lark', grammar: 'start: N ("+" N){2}\nN: /[0-9]{1,2}/' } }),
    ]);
    expect(pattern).toMatchObject({ text: expect.stringMatching(/^[0-9]{3}-[a-f]{4}$/u), reason: 'stop' });
    expect(choice?.text).toMatch(/^(?:certainly not|perhaps)$/u);
    expect(lark?.text).toMatch(/^\d\d?\+\d\d?\+\d\d?$/u);
  });

  it('calls when it must, what it must, with arguments that fit', async () => {
    const tools = [
      { name: 'now', parameters: { type: 'object', properties: {}, additionalProperties: false } },
      { name: 'add_person', parameters: person },
    ];
    const choices = [{ required: true }, { required: true, names: ['add_person'] }];
    for (const toolChoice of choices) {
      const { calls, args, text, reason } = await reply({ tools, toolChoice, parallelCalls: false }, 'Add Ann, 30.');
      expect(text).toBe('');
      expect(calls).toHaveLength(1);
      if (toolChoice.names) expect(calls).toEqual(toolChoice.names);
      if (reason === 'stop') expect(validator(calls[0] === 'now' ? {} : person)(args)).toBe(true);
    }
  });

  it('cuts JSON short at the token limit, and closes nothing', async () => {
    const schema = { type: 'array', items: { type: 'integer' }, minItems: 50 };
    const { text, reason } = await reply({ constraint: { type: 'json', schema }, maxTokens: 10 });
    expect(reason).toBe('length');
    expect(text).toMatch(/^\[/u);
    expect(text).not.toMatch(/\]/u);
  });

  it('says what is wrong with a grammar, and answers the next request', async () => {
    const broken = reply({ constraint: { type: 'lark', grammar: 'start: nothing' } });
    await expect(broken).rejects.toMatchObject({
      code: 'invalid_grammar',
      message: expect.stringContaining('nothing'),
    });
    expect((await reply({ constraint: { type: 'choice', choices: ['a'] } })).text).toBe('a');
  });
});
