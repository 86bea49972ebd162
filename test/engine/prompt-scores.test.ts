// Log-probabilities of a prompt over the real addon: those that mlx-lm computes, and to the bit those of decoding.
import { describe, expect, it } from 'vitest';
import { loadEngine } from '../../src/engine/native-engine.js';
import type { Engine, EngineRequest, TokenScores } from '../../src/engine/types.js';
import { GREEDY, golden, request, tinyModel, tinyModels, VOCABULARY } from './tiny-models.js';

async function scored(engine: Engine, asked: EngineRequest): Promise<{ prompt: TokenScores[]; reply: TokenScores[] }> {
  const prompt: TokenScores[] = [];
  const reply: TokenScores[] = [];
  for await (const event of engine.generate(asked)) {
    if (event.type === 'prompt-token') prompt.push(event.scores);
    if (event.type === 'token' && event.scores) reply.push(event.scores);
  }
  return { prompt, reply };
}

function logSoftmax(logits: Float32Array): number[] {
  const sum = logits.reduce((total, logit) => total + Math.exp(logit), 0);
  return [...logits].map((logit) => logit - Math.log(sum));
}

describe.each(tinyModels())('the prompt of %s', (name) => {
  it("has mlx-lm's log-probabilities", async () => {
    const { prompt, logits } = golden(name);
    const engine = await loadEngine({ ...tinyModel(name), precision: 'exact' });
    const { prompt: scores } = await scored(engine, request({ tokens: prompt, maxTokens: 1, promptLogprobs: 3 }));
    expect(scores.map(([own]) => own.token)).toEqual([...prompt].slice(1));
    scores.forEach(([own, ...best], i) => {
      const expected = logSoftmax(logits.subarray(i * VOCABULARY, (i + 1) * VOCABULARY));
      expect(own.logprob).toBeCloseTo(expected[own.token] ?? Number.NaN, 3);
      const highest = expected.toSorted((a, b) => b - a).slice(0, 3);
      for (const [rank, { logprob }] of best.entries()) expect(logprob).toBeCloseTo(highest[rank] ?? Number.NaN, 3);
    });
    await engine.close();
  });

  it('has the bits that decoding gives, however it is cut and whoever else runs', async () => {
    const { prompt, greedy } = golden(name);
    const model = tinyModel(name);
    const [whole, cut] = await Promise.all([loadEngine(model), loadEngine({ ...model, prefillChunk: 5 })]);
    const sampling = { ...GREEDY, logprobs: 4 };
    const decoded = await scored(whole, request({ tokens: prompt, maxTokens: greedy.length, sampling }));
    const tokens = Int32Array.from([...prompt, ...decoded.reply.map(([own]) => own.token)]);
    const asked = request({ tokens, maxTokens: 1, promptLogprobs: 4 });
    const company = Array.from({ length: 3 }, (_, i) => scored(cut, request({ maxTokens: 20 + i })));
    const [one, other] = await Promise.all([scored(whole, asked), scored(cut, asked), ...company]);
    expect(one?.prompt.slice(prompt.length - 1)).toEqual(decoded.reply);
    expect(other).toEqual(one);
    await Promise.all([whole.close(), cut.close()]);
  });
});
