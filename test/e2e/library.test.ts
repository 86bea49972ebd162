// The library on the default model, as docs/library.md shows it.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { DEFAULT_MODEL, EngineError, load, type Model, ModelNotFoundError } from '../../src/index.js';

const QUESTION = 'What is the capital of France? Answer in one sentence.';
const PARIS = 'The capital of France is Paris.';

let model: Model;
const progress: number[] = [];

beforeAll(async () => {
  model = await load(undefined, { onProgress: (fraction) => progress.push(fraction) });
});

afterAll(() => model.close());

it('knows what it loaded', () => {
  expect(model.id).toBe(DEFAULT_MODEL);
  expect(model.info).toMatchObject({ modelType: 'llama', contextLength: 8192, layers: 30, vocabSize: 49_152 });
  expect(progress.at(-1)).toBe(1);
});

it('streams a chat', async () => {
  let text = '';
  for await (const delta of model.chat([{ role: 'user', content: QUESTION }], { temperature: 0 })) text += delta.text;
  expect(text).toBe(PARIS);
});

it('answers several at once', async () => {
  const ask = () => model.complete(QUESTION, { temperature: 0 });
  const replies = await Promise.all([ask(), ask(), ask()]);
  expect(replies.map((reply) => reply.text)).toEqual([PARIS, PARIS, PARIS]);
});

it('cancels a reply that nobody reads any more', async () => {
  for await (const delta of model.chat([{ role: 'user', content: 'Count to 1000.' }], { ignoreEos: true })) {
    if (delta.text) break;
  }
  expect(await model.complete(QUESTION, { temperature: 0, stop: 'Paris' })).toMatchObject({
    text: 'The capital of France is ',
    finishReason: 'stop',
  });
});

it('tells what is wrong', async () => {
  await expect(load('nothing-like-it')).rejects.toBeInstanceOf(ModelNotFoundError);
  const long = model.complete('word '.repeat(9000));
  await expect(long).rejects.toBeInstanceOf(EngineError);
  await expect(long).rejects.toMatchObject({ code: 'context_length_exceeded' });
});

it('answers no more once it is closed', async () => {
  const other = await load();
  await other.close();
  await other.close();
  await expect(other.complete(QUESTION)).rejects.toMatchObject({ code: 'engine_closed' });
});
