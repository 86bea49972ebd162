// What a model compiles for a request, and that the engine gets it; the compiler here only writes down what it is given.
import { describe, expect, it } from 'vitest';
import type { Grammar, Vocabulary } from '../../src/engine/types.js';
import { serveModel } from '../../src/services/served-model.js';
import type { GenerationInput } from '../../src/services/types.js';
import { FakeEngine } from '../support/fake-engine.js';
import { loadFixture } from '../text/fixtures.js';

const SCHEMA = { type: 'object', properties: { a: { type: 'integer' } } };
const UNSUPPORTED = { type: 'object', properties: { a: { not: {} } } };
const TEMPLATE = '{% for m in messages %}{{ m.content }}{% endfor %}<|im_end|>';

async function modelOf(template = TEMPLATE) {
  const tokenizer = await loadFixture('byte-level');
  const engine = new FakeEngine({ replies: [[1]], info: { vocabSize: 600, contextLength: 9999, eosTokens: [7] } });
  const sources: string[] = [];
  const vocabularies: Vocabulary[] = [];
  const model = await serveModel({
    id: 'tiny',
    created: 0,
    engine,
    tokenizer,
    template: { template, specialTokens: {} },
    makeGrammarCompiler: (vocabulary) => {
      vocabularies.push(vocabulary);
      return {
        compile: async (source) => {
          sources.push(source);
          return { source } as unknown as Grammar;
        },
      };
    },
  });
  const ask = async (input: Partial<GenerationInput>) => {
    const sampling = { temperature: 0, topP: 1, topK: 0, minP: 0 };
    const base = { messages: [{ role: 'user' as const, content: 'Hi' }], sampling, stop: [], ignoreEos: false };
    for await (const _ of model.chat({ ...base, ...input }));
    return engine.calls.at(-1)?.request.grammar as { source: string } | undefined;
  };
  return { ask, model, engine, tokenizer, sources, vocabularies };
}

const tool = (name: string, more: object = {}) => ({ name, parameters: SCHEMA, ...more });

describe('a request', () => {
  it('that asks for nothing compiles nothing', async () => {
    const { ask, vocabularies } = await modelOf();
    expect(await ask({})).toBeUndefined();
    expect(await ask({ tools: [tool('a'), tool('b')], parallelCalls: false })).toBeUndefined();
    expect(vocabularies).toEqual([]);
  });

  it('gives the engine the grammar of its text', async () => {
    const { ask } = await modelOf();
    expect((await ask({ constraint: { type: 'choice', choices: ['a', 'b'] } }))?.source).toBe('start: ("a" | "b")\n');
  });

  it('that demands a call holds it to the schemas it can, and strict ones always', async () => {
    const { ask } = await modelOf();
    const tools = [tool('a'), tool('b', { parameters: UNSUPPORTED })];
    const source = (await ask({ tools, toolChoice: { required: true } }))?.source ?? '';
    expect(source).toContain('"a":{"type":"integer"}');
    expect(source).not.toContain('"not"');
    const free = (await ask({ tools: [tool('a', { strict: true })] }))?.source ?? '';
    expect(free).toContain('[lazy]');
    expect(free).toContain('"a":{"type":"integer"}');
  });

  it('calls no tool but those it may', async () => {
    const { ask } = await modelOf();
    const source = (await ask({ tools: [tool('a'), tool('b')], toolChoice: { required: false, names: ['b'] } }))
      ?.source;
    expect(source).toContain('\\"name\\": \\"b\\"');
    expect(source).not.toContain('\\"name\\": \\"a\\"');
  });

  it('leaves thoughts free, whether the prompt or the reply opens them', async () => {
    const thinking = `${TEMPLATE}{% if add_generation_prompt %}<think>\n{% endif %}`;
    const constraint = { type: 'regex', pattern: 'x' } as const;
    const opened = (await (await modelOf(thinking)).ask({ constraint }))?.source;
    expect(opened).toMatch(/^start: r0 .* \/x\/\nr0\[lazy\]: .* "<\/think>"\n$/u);
    const optional = (await (await modelOf(`${TEMPLATE}{# <think> #}`)).ask({ constraint }))?.source;
    expect(optional).toMatch(/^start: \("<think>" r0 .*\)\? \/x\/\n/u);
  });
});

describe('a completion', () => {
  it('is held to its text from the first token', async () => {
    const { model, engine } = await modelOf();
    const sampling = { temperature: 0, topP: 1, topK: 0, minP: 0 };
    const constraint = { type: 'lark', grammar: 'start: "a"' } as const;
    for await (const _ of model.complete({ prompt: 'p', sampling, stop: [], ignoreEos: false, constraint }));
    expect(engine.calls[0]?.request.grammar).toEqual({ source: 'start: "a"' });
  });
});

describe('the vocabulary', () => {
  it('goes over once: bytes of all tokens that have logits, those without text marked', async () => {
    const { ask, tokenizer, vocabularies } = await modelOf();
    const constraint = { type: 'regex', pattern: 'x' } as const;
    await Promise.all([ask({ constraint }), ask({ constraint })]);
    expect(vocabularies).toHaveLength(1);
    const { bytes, lengths, endTokens, sample } = vocabularies[0] as Vocabulary;
    expect(lengths).toHaveLength(600);
    expect([...endTokens]).toContain(7);
    expect(sample).toEqual(await tokenizer.encode(tokenizer.decode(sample)));
    expect(tokenizer.decode(sample)).toContain('{"name": "');
    let at = 0;
    for (let id = 0; id < 600; id++) {
      const token = bytes.subarray(at, at + (lengths[id] as number));
      const text = tokenizer.tokenBytes(id);
      if (text.length > 0) expect([...token]).toEqual([...text]);
      else expect(token[0]).toBe(0xff);
      at += token.length;
    }
    expect(at).toBe(bytes.length);
  });

  it('without a token that ends a reply makes no grammar', async () => {
    const tokenizer = await loadFixture('byte-level');
    const engine = new FakeEngine({ info: { eosTokens: [], contextLength: 9999 } });
    const template = { template: 'x', specialTokens: {} };
    const model = await serveModel({ id: 'tiny', created: 0, engine, tokenizer, template });
    const sampling = { temperature: 0, topP: 1, topK: 0, minP: 0 };
    const constraint = { type: 'regex', pattern: 'x' } as const;
    const reply = model.complete({ prompt: 'p', sampling, stop: [], ignoreEos: false, constraint });
    await expect(reply[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: 'grammars_unavailable' });
  });
});
