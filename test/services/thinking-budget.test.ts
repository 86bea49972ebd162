// A budget of thoughts: when it is spent the thought is ended for the model, and the answer goes on. Over an engine that
// plays what the test says.
import { afterEach, describe, expect, it } from 'vitest';
import { serveModel } from '../../src/services/served-model.js';
import type { GenerationInput, ServedModel, TextDelta } from '../../src/services/types.js';
import type { Tokenizer } from '../../src/text/types.js';
import { FakeEngine } from '../support/fake-engine.js';
import { loadFixture } from '../text/fixtures.js';

/** The model opens its thought itself, or the template does. */
const THINKS = '{% for m in messages %}{{ m.content }}{% endfor %}{# <think> </think> #}';
const OPENED = '{% for m in messages %}{{ m.content }}{% endfor %}{% if add_generation_prompt %}<think>\n{% endif %}';
const HARMONY = '{% for m in messages %}{{ m.content }}{% endfor %}{# <|channel|> #}';
const END = '\n</think>\n\n';
const SAMPLING = { temperature: 0, topP: 1, topK: 0, minP: 0 };

const opened: ServedModel[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((model) => model.close()));
});

interface Asked {
  engine: FakeEngine;
  tokenizer: Tokenizer;
  deltas: TextDelta[];
  done: Promise<void>;
}

async function ask(template: string, input: Partial<GenerationInput>): Promise<Asked> {
  const tokenizer = await loadFixture('byte-level');
  const engine = new FakeEngine({ manual: true });
  const parts = { engine, tokenizer, template: { template, specialTokens: {} } };
  const model = await serveModel({ id: 'tiny', created: 0, ...parts });
  opened.push(model);
  const deltas: TextDelta[] = [];
  const messages = [{ role: 'user' as const, content: 'Why?' }];
  const reply = model.chat({ messages, sampling: SAMPLING, stop: [], ignoreEos: false, ...input });
  const done = (async () => {
    for await (const delta of reply) deltas.push(delta);
  })();
  done.catch(() => undefined);
  return { engine, tokenizer, deltas, done };
}

const joined = (deltas: readonly TextDelta[], type: 'text' | 'reasoning') =>
  deltas.map((delta) => (delta.type === type ? delta.text : '')).join('');

describe('a thought of more tokens than its budget', () => {
  it('is ended where the budget ends, and the answer goes on with what was said', async () => {
    const { engine, tokenizer, deltas, done } = await ask(OPENED, { thinkingBudget: 3, maxTokens: 100 });
    const first = await engine.nextCall();
    const thought = [...(await tokenizer.encode('a b c d e f'))];
    expect(first.request.replied).toBeUndefined();
    first.push(...thought);
    await first.cancelled;
    const second = await engine.nextCall();
    const end = [...(await tokenizer.encode(END))];
    const said = [...thought.slice(0, 3), ...end];
    expect([...second.request.tokens]).toEqual([...first.request.tokens, ...said]);
    expect(second.request).toMatchObject({ replied: said.length, maxTokens: 100 - said.length });
    const answer = await tokenizer.encode('42.');
    second.reuse(20);
    second.push(...answer);
    second.finish('stop');
    await done;
    expect(joined(deltas, 'reasoning')).toBe(tokenizer.decode(thought.slice(0, 3)).trim());
    expect(joined(deltas, 'text')).toBe('42.');
    const { usage } = deltas.at(-1) as Extract<TextDelta, { type: 'finish' }>;
    expect(usage).toMatchObject({
      promptTokens: first.request.tokens.length,
      cachedTokens: 0,
      completionTokens: said.length + answer.length,
    });
    expect(usage.reasoningTokens).toBeGreaterThanOrEqual(3);
    expect(usage.reasoningTokens).toBeLessThanOrEqual(said.length);
  });

  it('is not begun with a budget of nothing', async () => {
    const { engine, tokenizer, deltas, done } = await ask(OPENED, { thinkingBudget: 0, maxTokens: 100 });
    const call = await engine.nextCall();
    expect(tokenizer.decode(call.request.tokens).endsWith(`<think>\n${END}`)).toBe(true);
    call.push(...(await tokenizer.encode('42.')));
    call.finish('stop');
    await done;
    expect([joined(deltas, 'reasoning'), joined(deltas, 'text')]).toEqual(['', '42.']);
  });

  it('has log-probabilities of every token, those of its end certain', async () => {
    const sampling = { ...SAMPLING, logprobs: 0 };
    const { engine, tokenizer, deltas, done } = await ask(OPENED, { thinkingBudget: 1, maxTokens: 100, sampling });
    const [token = 0] = await tokenizer.encode('h');
    (await engine.nextCall()).pushScored([{ token, logprob: -2 }]);
    const second = await engine.nextCall();
    const [answer = 0] = await tokenizer.encode('!');
    second.pushScored([{ token: answer, logprob: -3 }]);
    second.finish('stop');
    await done;
    const entries = deltas.flatMap((delta) => (delta.type === 'text' ? (delta.logprobs ?? []) : []));
    expect(entries.map(({ text }) => text).join('')).toBe(`h${END}!`);
    const numbers = entries.map(({ logprob }) => logprob);
    expect([numbers[0], numbers.at(-1), ...new Set(numbers.slice(1, -1))]).toEqual([-2, -3, 0]);
  });

  it('ends the reply where no room is left for an answer', async () => {
    const { engine, tokenizer, deltas, done } = await ask(OPENED, { thinkingBudget: 2, maxTokens: 4 });
    const call = await engine.nextCall();
    call.push(...(await tokenizer.encode('a b c')));
    await done;
    expect(deltas.at(-1)).toMatchObject({ type: 'finish', reason: 'length', usage: { completionTokens: 2 } });
    expect(engine.calls).toHaveLength(1);
  });

  it('leaves with its client after the thought was ended', async () => {
    const { engine, tokenizer, done } = await ask(OPENED, { thinkingBudget: 1, maxTokens: 100 });
    (await engine.nextCall()).push(...(await tokenizer.encode('a b')));
    const second = await engine.nextCall();
    second.fail(new Error('broken'));
    await expect(done).rejects.toThrow('broken');
  });
});

describe('a thought within its budget', () => {
  it('is left alone, and so is an answer of any length', async () => {
    const { engine, tokenizer, deltas, done } = await ask(THINKS, { thinkingBudget: 50, maxTokens: 100 });
    const call = await engine.nextCall();
    call.push(...(await tokenizer.encode('<think>hm</think>An answer of some more words.')));
    call.finish('stop');
    await done;
    expect(engine.calls).toHaveLength(1);
    expect(joined(deltas, 'text')).toBe('An answer of some more words.');
  });
});

describe('a budget', () => {
  it('speaks harmony: the final channel, or with tools the choice of a channel', async () => {
    const promptAfter = async (tools: GenerationInput['tools']) => {
      const { engine, tokenizer } = await ask(HARMONY, {
        thinkingBudget: 1,
        maxTokens: 100,
        ...(tools ? { tools } : {}),
      });
      (await engine.nextCall()).push(...(await tokenizer.encode('<|channel|>analysis<|message|>a b c')));
      return tokenizer.decode((await engine.nextCall()).request.tokens);
    };
    expect(await promptAfter(undefined)).toMatch(/<\|start\|>assistant<\|channel\|>final<\|message\|>$/u);
    expect(await promptAfter([{ name: 'f' }])).toMatch(/<\|start\|>assistant$/u);
  });

  it('is refused where the model does not mark its thoughts', async () => {
    const { done } = await ask('{{ messages[0].content }}', { thinkingBudget: 5 });
    await expect(done).rejects.toMatchObject({ name: 'ChatTemplateError', code: 'budget' });
  });
});
