// The prefix cache over the real addon: the same tokens with it and without, sliding windows included.
import { describe, expect, it } from 'vitest';
import { loadEngine } from '../../src/engine/native-engine.js';
import type { Engine, EngineRequest } from '../../src/engine/types.js';
import { golden, request, tinyModel, tinyModelPath, tinyModels } from './tiny-models.js';

interface Reply {
  tokens: number[];
  scores: number[];
  reused: number;
}

async function reply(engine: Engine, asked: EngineRequest): Promise<Reply> {
  const result: Reply = { tokens: [], scores: [], reused: 0 };
  for await (const event of engine.generate(asked)) {
    if (event.type === 'reused') result.reused = event.tokens;
    if (event.type !== 'token') continue;
    result.tokens.push(event.token);
    result.scores.push(event.scores?.[0].logprob ?? Number.NaN);
  }
  return result;
}

describe.each(tinyModels())('turns of a chat with %s', (name) => {
  it.each([16, 8, 4] as const)(
    'have the same bits with the prefix cache as without, kept in %i bits',
    async (kvBits) => {
      const { prompt } = golden(name);
      const model = tinyModel(name);
      const [cached, plain] = await Promise.all([
        loadEngine({ ...model, kvBits, prefillChunk: 7 }),
        loadEngine({ ...model, kvBits, prefixCache: 0 }),
      ]);
      let tokens = Int32Array.from(prompt);
      let reused = 0;
      for (let turn = 0; turn < 4; turn++) {
        const asked = request({
          tokens,
          maxTokens: 9,
          sampling: { temperature: 0, topP: 1, topK: 0, minP: 0, logprobs: 0 },
        });
        const [first, again, alone] = [
          await reply(cached, asked),
          await reply(cached, asked),
          await reply(plain, asked),
        ];
        expect({ ...first, reused: 0 }).toEqual(alone);
        expect({ ...again, reused: 0 }).toEqual(alone);
        expect(again.reused).toBe(tokens.length - 1);
        reused += first.reused;
        tokens = Int32Array.from([...tokens, ...alone.tokens, 3 + turn, 1]);
      }
      expect(reused).toBeGreaterThan(0);
      expect(plain.stats().prefixes.hits).toBe(0);
      await Promise.all([cached.close(), plain.close()]);
    },
  );
});

describe('keys and values in fewer bits', () => {
  const prefixBytes = async (kvBits: 16 | 8 | 4) => {
    const engine = await loadEngine({ modelPath: tinyModelPath(), kvBits });
    await reply(engine, request());
    const { bytes } = engine.stats().prefixes;
    await engine.close();
    return bytes;
  };

  it('take less of the memory', async () => {
    const [most, less, least] = [await prefixBytes(16), await prefixBytes(8), await prefixBytes(4)];
    expect(least).toBeLessThan(less);
    expect(less).toBeLessThan(0.75 * most);
  });

  it.each([
    [{ kernels: 'mlx', kvBits: 8 } as const, /^kv bits 8 .* only our own kernels on a CPU/],
    [{ kvBits: 5 as 4 }, /^kv bits must be 16, 8 or 4, got 5$/],
  ])('are refused for %j', async (options, message) => {
    const loading = loadEngine({ modelPath: tinyModelPath(), ...options });
    await expect(loading).rejects.toMatchObject({ code: 'model_load_failed', message: expect.stringMatching(message) });
  });
});
