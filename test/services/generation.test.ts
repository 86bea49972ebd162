import { beforeAll, describe, expect, it } from 'vitest';
import { EngineError, type EngineRequest } from '../../src/engine/types.js';
import { generateText } from '../../src/services/generation.js';
import type { TextDelta } from '../../src/services/types.js';
import type { Tokenizer } from '../../src/text/types.js';
import { FakeEngine } from '../support/fake-engine.js';
import { loadFixture } from '../text/fixtures.js';

const SAMPLING = { temperature: 0, topP: 1, topK: 0, minP: 0 };

let tokenizer: Tokenizer;
beforeAll(async () => {
  tokenizer = await loadFixture('byte-level');
});

function request(overrides: Partial<EngineRequest> = {}): EngineRequest {
  return { tokens: Int32Array.of(1, 2, 3), sampling: SAMPLING, maxTokens: 100, stopTokens: [], ...overrides };
}

async function idsOf(text: string): Promise<number[]> {
  return [...(await tokenizer.encode(text))];
}

async function collect(deltas: AsyncIterable<TextDelta>): Promise<TextDelta[]> {
  const all: TextDelta[] = [];
  for await (const delta of deltas) all.push(delta);
  return all;
}

function textOf(deltas: readonly TextDelta[]): string {
  return deltas.map((delta) => (delta.type === 'text' ? delta.text : '')).join('');
}

describe('generateText', () => {
  it('hands the request to the engine and counts tokens exactly', async () => {
    const ids = await idsOf('The answer: 42 👍🏽.');
    const engine = new FakeEngine({ replies: [ids] });
    const asked = request();
    const deltas = await collect(generateText({ engine, request: asked, reading: { tokens: tokenizer, stop: [] } }));
    expect(engine.calls[0]?.request).toBe(asked);
    expect(textOf(deltas)).toBe('The answer: 42 👍🏽.');
    expect(deltas.at(-1)).toEqual({
      type: 'finish',
      reason: 'stop',
      usage: { promptTokens: 3, cachedTokens: 0, completionTokens: ids.length },
    });
  });

  it('counts the tokens of the prompt that the engine found in its cache', async () => {
    const engine = new FakeEngine({ manual: true });
    const deltas = collect(generateText({ engine, request: request(), reading: { tokens: tokenizer, stop: [] } }));
    const call = await engine.nextCall();
    call.reuse(2);
    call.push(...(await idsOf('Hi')));
    call.finish('stop');
    expect((await deltas).at(-1)).toMatchObject({ usage: { promptTokens: 3, cachedTokens: 2 } });
  });

  it('gives tokens that have come together as one delta, and later ones as they come', async () => {
    const engine = new FakeEngine({ manual: true });
    const deltas = generateText({ engine, request: request(), reading: { tokens: tokenizer, stop: [] } });
    const first = deltas.next();
    const call = await engine.nextCall();
    call.push(...(await idsOf('Hello there')));
    expect(await first).toEqual({ done: false, value: { type: 'text', text: 'Hello there' } });
    const second = deltas.next();
    call.push(...(await idsOf('!')));
    expect(await second).toEqual({ done: false, value: { type: 'text', text: '!' } });
    call.finish('stop');
    expect((await deltas.next()).value).toMatchObject({ type: 'finish' });
    expect((await deltas.next()).done).toBe(true);
  });

  it('tells a reply that ends at its token limit, even in the middle of a character', async () => {
    const ids = await idsOf('𓀀𓀀');
    const engine = new FakeEngine({ replies: [ids] });
    const deltas = await collect(
      generateText({ engine, request: request({ maxTokens: 2 }), reading: { tokens: tokenizer, stop: [] } }),
    );
    expect(textOf(deltas)).toBe('\uFFFD');
    expect(deltas.at(-1)).toMatchObject({ reason: 'length', usage: { completionTokens: 2 } });
  });

  it('does not count or show an end-of-turn token', async () => {
    const end = tokenizer.idOf('<|im_end|>') ?? -1;
    const engine = new FakeEngine({ replies: [[...(await idsOf('Yes.')), end, ...(await idsOf('No.'))]] });
    const deltas = await collect(
      generateText({ engine, request: request({ stopTokens: [end] }), reading: { tokens: tokenizer, stop: [] } }),
    );
    expect(textOf(deltas)).toBe('Yes.');
    expect(deltas.at(-1)).toMatchObject({
      reason: 'stop',
      usage: { completionTokens: (await idsOf('Yes.')).length },
    });
  });

  describe('stop strings', () => {
    it('end the reply, cancel the request, and count the tokens up to there', async () => {
      const engine = new FakeEngine({ manual: true });
      const collecting = collect(
        generateText({ engine, request: request(), reading: { tokens: tokenizer, stop: ['\n\nUser:'] } }),
      );
      const call = await engine.nextCall();
      const [before, after] = [await idsOf('Fine.\n\nUser:'), await idsOf(' and more')];
      call.push(...before, ...after);
      const deltas = await collecting;
      expect(textOf(deltas)).toBe('Fine.');
      expect(deltas.at(-1)).toMatchObject({ reason: 'stop', usage: { completionTokens: before.length } });
      expect(call.wasCancelled).toBe(true);
    });

    it('never leak a part of themselves', async () => {
      const engine = new FakeEngine({ manual: true });
      const deltas = generateText({ engine, request: request(), reading: { tokens: tokenizer, stop: ['<STOP>'] } });
      const next = deltas.next();
      const call = await engine.nextCall();
      call.push(...(await idsOf('a <ST')));
      expect((await next).value).toEqual({ type: 'text', text: 'a ' });
      const last = collect(deltas);
      call.push(...(await idsOf('OP>')));
      expect(textOf(await last)).toBe('');
    });

    it('give what they held back when the reply ends before they are complete', async () => {
      const engine = new FakeEngine({ replies: [await idsOf('a <STO')] });
      const deltas = await collect(
        generateText({ engine, request: request(), reading: { tokens: tokenizer, stop: ['<STOP>'] } }),
      );
      expect(textOf(deltas)).toBe('a <STO');
    });
  });

  describe('cancelling', () => {
    it('by the signal: the text so far, then a finish that says so', async () => {
      const engine = new FakeEngine({ manual: true });
      const controller = new AbortController();
      const deltas = generateText(
        { engine, request: request(), reading: { tokens: tokenizer, stop: [] } },
        controller.signal,
      );
      const next = deltas.next();
      const call = await engine.nextCall();
      call.push(...(await idsOf('Once')));
      expect((await next).value).toEqual({ type: 'text', text: 'Once' });
      controller.abort();
      await call.cancelled;
      expect(await collect(deltas)).toEqual([
        {
          type: 'finish',
          reason: 'cancelled',
          usage: { promptTokens: 3, cachedTokens: 0, completionTokens: call.emitted.length },
        },
      ]);
    });

    it('by a signal that was aborted before', async () => {
      const engine = new FakeEngine({ replies: [await idsOf('never')] });
      const deltas = await collect(
        generateText({ engine, request: request(), reading: { tokens: tokenizer, stop: [] } }, AbortSignal.abort()),
      );
      expect(deltas.at(-1)).toMatchObject({ reason: 'cancelled' });
    });

    it('by leaving the loop', async () => {
      const engine = new FakeEngine({ manual: true });
      const deltas = generateText({ engine, request: request(), reading: { tokens: tokenizer, stop: [] } });
      const next = deltas.next();
      const call = await engine.nextCall();
      call.push(...(await idsOf('Once')));
      await next;
      await deltas.return(undefined);
      await call.cancelled;
    });

    it('leaves no listener on the signal', async () => {
      const engine = new FakeEngine({ replies: [await idsOf('x')] });
      const controller = new AbortController();
      const listeners = new Set<unknown>();
      const { addEventListener, removeEventListener } = controller.signal;
      controller.signal.addEventListener = (type: string, listener: never) => {
        listeners.add(listener);
        addEventListener.call(controller.signal, type, listener);
      };
      controller.signal.removeEventListener = (type: string, listener: never) => {
        listeners.delete(listener);
        removeEventListener.call(controller.signal, type, listener);
      };
      await collect(
        generateText({ engine, request: request(), reading: { tokens: tokenizer, stop: [] } }, controller.signal),
      );
      expect(listeners.size).toBe(0);
    });
  });

  it('passes on the text before a failure, then the failure', async () => {
    const engine = new FakeEngine({ manual: true });
    const deltas = generateText({ engine, request: request(), reading: { tokens: tokenizer, stop: [] } });
    const next = deltas.next();
    const call = await engine.nextCall();
    call.push(...(await idsOf('Half')));
    const failure = new EngineError('generation_failed', 'out of memory');
    call.fail(failure);
    expect((await next).value).toEqual({ type: 'text', text: 'Half' });
    await expect(deltas.next()).rejects.toBe(failure);
  });
});
