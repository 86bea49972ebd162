// The prefix cache over the real addon: the same tokens with it and without, sliding windows included.
import { describe, expect, it } from 'vitest';
import { loadEngine } from '../../src/engine/native-engine.js';
import type { Engine, EngineRequest } from '../../src/engine/types.js';
import { golden, request, tinyModelPath, tinyModels } from './tiny-models.js';

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
  it('have the same bits with the prefix cache as without', async () => {
    const { prompt } = golden(name);
    const modelPath = tinyModelPath(name);
    const [cached, plain] = await Promise.all([
      loadEngine({ modelPath, prefillChunk: 7 }),
      loadEngine({ modelPath, prefixCache: 0 }),
    ]);
    let tokens = Int32Array.from(prompt);
    let reused = 0;
    for (let turn = 0; turn < 4; turn++) {
      const asked = request({
        tokens,
        maxTokens: 9,
        sampling: { temperature: 0, topP: 1, topK: 0, minP: 0, logprobs: 0 },
      });
      const [first, again, alone] = [await reply(cached, asked), await reply(cached, asked), await reply(plain, asked)];
      expect({ ...first, reused: 0 }).toEqual(alone);
      expect({ ...again, reused: 0 }).toEqual(alone);
      expect(again.reused).toBe(tokens.length - 1);
      reused += first.reused;
      tokens = Int32Array.from([...tokens, ...alone.tokens, 3 + turn, 1]);
    }
    expect(reused).toBeGreaterThan(0);
    expect(plain.stats().prefixes.hits).toBe(0);
    await Promise.all([cached.close(), plain.close()]);
  });
});
