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
async function open(manual?: 'manual') {
  const special = { SpecialToken: { id: '<|im_start|>', type_id: 0 } };
  const single = [special, { Sequence: { id: 'A', type_id: 0 } }, { SpecialToken: { id: '<|im_end|>', type_id: 0 } }];
  const post_processor = { type: 'Sequence', processors: [{ type: 'TemplateProcessing', single, pair: [] }] };
  const tokenizer = await loadDefinition({ ...tokenizerJson('byte-level'), post_processor });
  const engine = new FakeEngine({ replies: [[...(await tokenizer.encode(' a time'))]], manual: manual === 'manual' });
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

describe('an echo', () => {
  const scored = { sampling: { temperature: 0, topP: 1, topK: 0, minP: 0, logprobs: 1 } };

  it('is the prompt as it came, when no log-probabilities are asked for', async () => {
    const { model, engine, start, tokenizer } = await open();
    const words = await tokenizer.encode('Hi');
    expect(await model.echo(input('<|im_start|>Hi'))).toEqual({ text: '<|im_start|>Hi' });
    expect(await model.echo(input([start, ...words]))).toEqual({ text: 'Hi' });
    expect(engine.calls).toEqual([]);
  });

  it('has an entry for each token of the prompt, the first without a number, texts joined as it came', async () => {
    const { model, engine, start, end, tokenizer } = await open('manual');
    const [fox = 0, ...rest] = await tokenizer.encode('🦊');
    const pending = model.echo(input('🦊<|im_end|>', { ...scored, cacheSalt: 'mine' }));
    const call = await engine.nextCall();
    expect(call.request).toMatchObject({ maxTokens: 1, promptLogprobs: 1, cacheSalt: 'mine', stopTokens: [] });
    expect([...call.request.tokens]).toEqual([start, fox, ...rest, end]);
    const others = [fox, ...rest, end].map((token, index) => {
      return [
        { token, logprob: -1 - index },
        { token: end, logprob: -0.5 },
      ] as const;
    });
    call.scorePrompt(...others);
    call.push(fox);
    const echo = await pending;
    expect(echo.text).toBe('🦊<|im_end|>');
    expect(echo.tokens?.map(({ text }) => text)).toEqual(['', ...rest.map(() => ''), '🦊', '<|im_end|>']);
    expect(echo.tokens?.map(({ logprob }) => logprob)).toEqual([null, ...others.map((_, index) => -1 - index)]);
    expect(echo.tokens?.at(-1)?.best).toEqual([
      { text: '<|im_end|>', bytes: [...Buffer.from('<|im_end|>')], logprob: -0.5 },
    ]);
  });

  it('leaves with its client, and fails with its engine', async () => {
    const { model, engine } = await open('manual');
    const leave = new AbortController();
    const left = model.echo(input('a', scored), leave.signal);
    const call = await engine.nextCall();
    leave.abort(new Error('gone'));
    await expect(left).rejects.toThrow('gone');
    await call.cancelled;
    const failed = model.echo(input('a', scored));
    (await engine.nextCall()).fail(new Error('broken'));
    await expect(failed).rejects.toThrow('broken');
  });
});

describe('candidates of one prompt', () => {
  it('have it encoded once', async () => {
    const { model, engine, tokenizer } = await open();
    const group = {};
    const encoded: string[] = [];
    const encodePrompt = tokenizer.encodePrompt.bind(tokenizer);
    tokenizer.encodePrompt = async (text) => {
      encoded.push(text);
      return encodePrompt(text);
    };
    await Promise.all([1, 2, 3].map(() => readReply(model.complete(input('Once', { group })))));
    expect([encoded.length, engine.calls.length]).toEqual([1, 3]);
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
