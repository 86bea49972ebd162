// Completions through a whole model: raw prompts, fill in the middle, tokens of texts.
import { afterEach, describe, expect, it } from 'vitest';
import { readReply } from '../../src/services/reply.js';
import { serveModel } from '../../src/services/served-model.js';
import type { CompletionInput, ServedModel } from '../../src/services/types.js';
import { canFillMiddle, fillMiddlePrompt } from '../../src/text/fill-in-the-middle.js';
import { FakeEngine } from '../support/fake-engine.js';
import { loadDefinition, tokenizerJson } from '../text/fixtures.js';

const opened: ServedModel[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((model) => model.close()));
});

/** A fixture's tokenizer that begins each text with `<|im_start|>`. */
async function open() {
  const special = { SpecialToken: { id: '<|im_start|>', type_id: 0 } };
  const single = [special, { Sequence: { id: 'A', type_id: 0 } }, { SpecialToken: { id: '<|im_end|>', type_id: 0 } }];
  const post_processor = { type: 'Sequence', processors: [{ type: 'TemplateProcessing', single, pair: [] }] };
  const tokenizer = await loadDefinition({ ...tokenizerJson('byte-level'), post_processor });
  const engine = new FakeEngine({ replies: [[...(await tokenizer.encode(' a time'))]] });
  const template = { template: undefined, specialTokens: {} };
  const model = await serveModel({ id: 'tiny', created: 0, engine, tokenizer, template });
  opened.push(model);
  return {
    model,
    engine,
    tokenizer,
    start: tokenizer.idOf('<|im_start|>') ?? -1,
    end: tokenizer.idOf('<|im_end|>') ?? -1,
  };
}

const input = (prompt: CompletionInput['prompt'], extra: Partial<CompletionInput> = {}): CompletionInput => {
  return { prompt, sampling: { temperature: 0, topP: 1, topK: 0, minP: 0 }, stop: [], ignoreEos: false, ...extra };
};

describe('a completion', () => {
  it('reads a text as the tokenizer begins it, control tokens included', async () => {
    const { model, engine, tokenizer, start, end } = await open();
    const words = await tokenizer.encode('Once upon');
    expect((await readReply(model.complete(input('Once upon')))).text).toBe(' a time');
    await readReply(model.complete(input('<|im_start|>Once upon<|im_end|>')));
    await readReply(model.complete(input([...words])));
    expect(engine.calls.map((call) => [...call.request.tokens])).toEqual([
      [start, ...words],
      [start, ...words, end],
      [...words],
    ]);
  });

  it('generates nothing for no tokens', async () => {
    const { model, engine } = await open();
    const reply = await readReply(model.complete(input('Once', { maxTokens: 0 })));
    expect(reply).toMatchObject({ text: '', finishReason: 'length', usage: { completionTokens: 0 } });
    expect(engine.calls).toEqual([]);
  });

  it('refuses tokens that the model has not, an empty list, and a suffix that it cannot fill in before', async () => {
    const { model, tokenizer } = await open();
    const refused = { code: 'invalid_request' };
    await expect(readReply(model.complete(input([tokenizer.vocabSize])))).rejects.toMatchObject(refused);
    await expect(readReply(model.complete(input([])))).rejects.toMatchObject(refused);
    await expect(readReply(model.complete(input('a', { suffix: 'b' })))).rejects.toMatchObject(refused);
    expect(model.fillsMiddle).toBe(false);
  });

  it('tells tokens and text', async () => {
    const { model, start, tokenizer } = await open();
    const words = [...(await tokenizer.encode('Hi'))];
    expect(await model.tokenize('Hi', true)).toEqual([start, ...words]);
    expect(await model.tokenize('Hi', false)).toEqual(words);
    expect(model.detokenize([start, ...words])).toBe('Hi');
  });
});

describe('filling in the middle', () => {
  const vocabulary = (...tokens: string[]) => ({
    idOf: (token: string) => (tokens.includes(token) ? tokens.indexOf(token) : undefined),
  });

  it.each([
    [
      ['<|fim_prefix|>', '<|fim_suffix|>', '<|fim_middle|>'],
      [0, 10, 1, 11, 2],
    ],
    [
      ['<fim_prefix>', '<fim_suffix>', '<fim_middle>'],
      [0, 10, 1, 11, 2],
    ],
    [
      ['<｜fim▁begin｜>', '<｜fim▁hole｜>', '<｜fim▁end｜>'],
      [0, 10, 1, 11, 2],
    ],
    [
      ['[SUFFIX]', '[PREFIX]'],
      [0, 11, 1, 10],
    ],
    [
      ['▁<PRE>', '▁<SUF>', '▁<MID>'],
      [0, 10, 1, 11, 2],
    ],
  ])('%j', (tokens, prompt) => {
    expect(fillMiddlePrompt(vocabulary(...tokens), [10], [11])).toEqual(prompt);
  });

  it('is for models that have all the tokens', () => {
    expect(canFillMiddle(vocabulary('<|fim_prefix|>', '<|fim_suffix|>'))).toBe(false);
    expect(fillMiddlePrompt(vocabulary(), [1], [2])).toBeUndefined();
  });
});
