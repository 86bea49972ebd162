// The facade over the real addon, on tiny checkpoints.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadEngine } from '../../src/engine/native-engine.js';
import type { Engine, EngineRequest, ScoredToken, TokenEvent } from '../../src/engine/types.js';
import { CONTEXT, GREEDY, golden, request, tinyModel, tinyModelPath, tinyModels, VOCABULARY } from './tiny-models.js';

async function collect(events: AsyncIterable<TokenEvent>): Promise<{ tokens: number[]; reason: string | undefined }> {
  const tokens: number[] = [];
  let reason: string | undefined;
  for await (const event of events) {
    expect(reason).toBeUndefined();
    if (event.type === 'token') tokens.push(event.token);
    if (event.type === 'finish') reason = event.reason;
  }
  return { tokens, reason };
}

describe.each(tinyModels())('greedy decoding of %s', (name) => {
  it("gives mlx-lm's tokens, whatever the size of the prefill chunks", async () => {
    const { prompt, greedy } = golden(name);
    for (const prefillChunk of [512, 7]) {
      const engine = await loadEngine({ ...tinyModel(name), prefillChunk });
      const reply = await collect(engine.generate(request({ tokens: prompt, maxTokens: greedy.length })));
      expect(reply).toEqual({ tokens: greedy, reason: 'length' });
      await engine.close();
    }
  });
});

describe.each(tinyModels())("MLX's own kernels on %s", (name) => {
  it('give the same tokens, and are named', async () => {
    const { prompt, greedy } = golden(name);
    const engine = await loadEngine({ ...tinyModel(name), kernels: 'mlx', precision: 'fast' });
    const reply = await collect(engine.generate(request({ tokens: prompt, maxTokens: greedy.length })));
    expect(reply.tokens).toEqual(greedy);
    expect(engine.info.kernels).toBe('mlx');
    expect(engine.info.precision).toBeUndefined();
    await engine.close();
  });
});

describe('a loaded engine', () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await loadEngine({ modelPath: tinyModelPath() });
  });
  afterAll(() => engine.close());

  const generate = (change?: Partial<EngineRequest>, signal?: AbortSignal) =>
    collect(engine.generate(request(change), signal));

  it('knows its model', () => {
    expect(engine.info).toMatchObject({
      modelType: 'qwen3',
      contextLength: CONTEXT,
      vocabSize: VOCABULARY,
      layers: 2,
      eosTokens: [95],
      device: expect.stringMatching(/^(cpu|gpu)$/),
      mlxVersion: expect.stringMatching(/^\d+\.\d+\.\d+/),
    });
    expect(engine.info.weightBytes).toBeGreaterThan(0);
  });

  it('counts its weights in the memory it reports, those in a layout of our own too', async () => {
    await generate({ maxTokens: 1 });
    expect(engine.stats().activeMemoryBytes).toBeGreaterThanOrEqual(engine.info.weightBytes);
  });

  it('scores tokens when asked, each with the best at its place, and changes none', async () => {
    const { greedy } = golden();
    const scores: (readonly ScoredToken[])[] = [];
    const asked = request({ maxTokens: 5, sampling: { ...GREEDY, logprobs: 3 } });
    for await (const event of engine.generate(asked)) if (event.type === 'token') scores.push(event.scores ?? []);
    expect(scores.map(([own]) => own?.token)).toEqual(greedy.slice(0, 5));
    for (const [own, ...best] of scores) {
      expect(best).toHaveLength(3);
      expect(best[0]).toEqual(own);
      const logprobs = best.map(({ logprob }) => logprob);
      expect(logprobs).toEqual(logprobs.toSorted((a, b) => b - a));
      expect(logprobs.reduce((sum, logprob) => sum + Math.exp(logprob), 0)).toBeLessThan(1);
    }
  });

  it('goes on with a reply as if it had never stopped, penalties included', async () => {
    const penalties = { presencePenalty: 0.7, frequencyPenalty: 0.3, repetitionPenalty: 1.1, repetitionWindow: 8 };
    const sampling = { ...GREEDY, temperature: 0.8, seed: 5, ...penalties };
    const whole = await generate({ sampling, maxTokens: 24 });
    const begun = whole.tokens.slice(0, 11);
    const tokens = Int32Array.from([...golden().prompt, ...begun]);
    const rest = await generate({ tokens, sampling, maxTokens: 13, replied: begun.length });
    expect([...begun, ...rest.tokens]).toEqual(whole.tokens);
    expect((await generate({ tokens, sampling, maxTokens: 13 })).tokens).not.toEqual(rest.tokens);
    const beyond = generate({ replied: golden().prompt.length + 1 });
    await expect(beyond).rejects.toMatchObject({ code: 'invalid_request' });
  });

  it('answers many at once, each as if it were alone', async () => {
    const { greedy } = golden();
    const sampling = { temperature: 1, topP: 0.9, topK: 0, minP: 0, seed: 11 };
    const alone = await generate({ sampling });
    const replies = await Promise.all(
      Array.from({ length: 24 }, (_, i) => generate(i % 2 ? { sampling } : { maxTokens: 1 + i })),
    );
    replies.forEach((reply, i) => {
      expect(reply.tokens).toEqual(i % 2 ? alone.tokens : greedy.slice(0, 1 + i));
      expect(reply.reason).toBe('length');
    });
  });

  it('gives the same text for the same seed and another for another', async () => {
    const tokensOf = async (seed?: number) =>
      (await generate({ sampling: { ...GREEDY, temperature: 1, ...(seed === undefined ? {} : { seed }) } })).tokens;
    expect(await tokensOf(5)).toEqual(await tokensOf(5));
    expect(await tokensOf(-5)).toEqual(await tokensOf(-5));
    expect(await tokensOf(5)).not.toEqual(await tokensOf(6));
    expect(await tokensOf()).not.toEqual(await tokensOf());
  });

  it('stops at a stop token without reporting it', async () => {
    const { greedy } = golden();
    const stop = greedy[5] as number;
    const reply = await generate({ stopTokens: [stop] });
    expect(reply).toEqual({ tokens: greedy.slice(0, greedy.indexOf(stop)), reason: 'stop' });
  });

  it('cancels on abort: the last event says so', async () => {
    const aborting = new AbortController();
    const events: TokenEvent[] = [];
    for await (const event of engine.generate(request({ maxTokens: CONTEXT }), aborting.signal)) {
      events.push(event);
      if (events.length === 3) aborting.abort();
    }
    expect(events.at(-1)).toEqual({ type: 'finish', reason: 'cancelled' });
    expect(events.length).toBeLessThan(CONTEXT - golden().prompt.length);
  });

  it('computes nothing for a signal that was aborted before', async () => {
    const before = engine.stats().promptTokens;
    expect(await generate({}, AbortSignal.abort())).toEqual({ tokens: [], reason: 'cancelled' });
    await generate({ tokens: Int32Array.of(1), maxTokens: 1 });
    expect(engine.stats().promptTokens).toBe(before + 1);
  });

  it('cancels when the reader leaves early', async () => {
    for await (const event of engine.generate(request({ maxTokens: CONTEXT }))) if (event.type === 'token') break;
    await generate({ maxTokens: 1 });
    expect(engine.stats()).toMatchObject({ state: 'ready', running: 0, waiting: 0 });
  });

  it('refuses what it cannot serve, with code and reason', async () => {
    const long = new Int32Array(CONTEXT).fill(1);
    const refused = (change: Partial<EngineRequest>) => generate(change).catch((error: unknown) => error);
    expect(await refused({ tokens: long })).toMatchObject({
      code: 'context_length_exceeded',
      message: expect.stringContaining(`${CONTEXT} tokens`),
    });
    for (const change of [
      { tokens: new Int32Array(0) },
      { tokens: Int32Array.of(VOCABULARY) },
      { tokens: Int32Array.of(-1) },
      { maxTokens: 0 },
    ]) {
      expect(await refused(change)).toMatchObject({ name: 'EngineError', code: 'invalid_request' });
    }
    expect((await generate({ tokens: long.subarray(0, CONTEXT - 2) })).tokens).toHaveLength(2);
  });

  it.each([
    [{ maxTokens: 1.5 }, 'maxTokens must be an integer from 0 to 2147483647, got 1.5'],
    [{ tokens: [1, 2] as unknown as Int32Array }, 'tokens must be an Int32Array, got 1,2'],
    [{ sampling: { ...GREEDY, temperature: Number.NaN } }, 'temperature must be a number, got NaN'],
    [{ sampling: { ...GREEDY, topK: -1 } }, 'topK must be an integer from 0 to 2147483647, got -1'],
    [{ sampling: { ...GREEDY, seed: 0.5 } }, 'seed must be an integer'],
  ])('refuses wrong types at the border: %j', async (change, message) => {
    await expect(generate(change as Partial<EngineRequest>)).rejects.toThrow(TypeError);
    await expect(generate(change as Partial<EngineRequest>)).rejects.toThrow(message);
  });
});

describe('loading', () => {
  it('reports rising fractions', async () => {
    const fractions: number[] = [];
    const engine = await loadEngine({ modelPath: tinyModelPath(), onProgress: (f) => fractions.push(f) });
    await engine.close();
    expect(fractions.at(-1)).toBe(1);
    expect(fractions).toEqual([...fractions].sort((a, b) => a - b));
  });

  it('says why it failed', async () => {
    await expect(loadEngine({ modelPath: '/nowhere' })).rejects.toMatchObject({
      code: 'model_load_failed',
      message: expect.stringContaining('/nowhere/config.json'),
    });
    await expect(loadEngine({ modelPath: tinyModelPath(), device: 'tpu' as 'cpu' })).rejects.toThrow('tpu');
    await expect(loadEngine({ modelPath: tinyModelPath(), kernels: 'old' as 'mlx' })).rejects.toThrow('old');
    const adapter = '/nowhere/adapter';
    await expect(loadEngine({ modelPath: tinyModelPath(), adapter })).rejects.toThrow(`${adapter}: is no adapter`);
    await expect(loadEngine({ modelPath: 5 as unknown as string })).rejects.toThrow(TypeError);
  });

  it('ends when its signal is aborted, with the reason', async () => {
    const aborting = new AbortController();
    const options = { modelPath: tinyModelPath(), signal: aborting.signal };
    await expect(
      loadEngine({ ...options, onProgress: () => aborting.abort(new Error('changed my mind')) }),
    ).rejects.toThrow('changed my mind');
    await expect(loadEngine(options)).rejects.toThrow('changed my mind');
  });

  it('ends when its progress callback throws', async () => {
    const onProgress = () => {
      throw new Error('my own fault');
    };
    await expect(loadEngine({ modelPath: tinyModelPath(), onProgress })).rejects.toThrow('my own fault');
  });
});

describe('closing', () => {
  it('cancels what runs, refuses what comes after, and may be repeated', async () => {
    const engine = await loadEngine({ modelPath: tinyModelPath() });
    const replies = [1, 2, 3].map(() => collect(engine.generate(request({ maxTokens: CONTEXT }))));
    await Promise.all([engine.close(), engine.close()]);
    for (const reply of replies) expect((await reply).reason).toBe('cancelled');
    expect(engine.stats().state).toBe('closed');
    await expect(collect(engine.generate(request()))).rejects.toMatchObject({ code: 'engine_closed' });
    await engine.close();
  });
});
