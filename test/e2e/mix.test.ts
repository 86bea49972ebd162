// Replies of the default model that join, leave and are cancelled while others run: each is what it is alone.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { load, type Model } from '../../src/index.js';

const PROMPTS = [
  'What is the capital of France?',
  `Say it shorter: ${'The quick brown fox jumps over the lazy dog. '.repeat(40)}`,
  'Count to twenty.',
  `Who is in it? ${'Anna met Ben and Carla in Rome. '.repeat(90)}`,
  'Name three colours.',
  'Why is the sky blue?',
];
const OPTIONS = { temperature: 0, maxTokens: 24 };

let model: Model;
beforeAll(async () => {
  model = await load();
});
afterAll(() => model.close());

/** The reply; after its first text the next prompts start, and every third one is then left. */
async function mixed(index: number, start: (index: number) => void): Promise<string> {
  let text = '';
  for await (const delta of model.chat([{ role: 'user', content: PROMPTS[index] as string }], OPTIONS)) {
    if (text === '') for (const next of [2 * index + 1, 2 * index + 2]) start(next);
    text += delta.text;
    if (index % 3 === 2 && text.length > 20) break;
  }
  return text;
}

it('whatever else runs', async () => {
  const alone: string[] = [];
  for (const prompt of PROMPTS) alone.push((await model.complete(prompt, OPTIONS)).text);
  const replies = new Map<number, Promise<string>>();
  const start = (index: number) => {
    if (index < PROMPTS.length && !replies.has(index)) replies.set(index, mixed(index, start));
  };
  start(0);
  for (let index = 0; index < PROMPTS.length; index++) {
    const reply = await (replies.get(index) as Promise<string>);
    expect(reply.length).toBeGreaterThan(0);
    expect(index % 3 === 2 ? alone[index]?.slice(0, reply.length) : alone[index]).toBe(reply);
  }
});
