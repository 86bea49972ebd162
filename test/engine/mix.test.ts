// Sequences that join, leave, are cancelled and find each other's prefixes, over the real addon: each is what it is alone,
// to the bits of its log-probabilities.
import { beforeAll, describe, expect, it } from 'vitest';
import { Grammars } from '../../src/engine/grammars.js';
import { loadEngine } from '../../src/engine/native-engine.js';
import { probeRuntime } from '../../src/engine/runtime.js';
import type { Engine, EngineRequest, Grammar, SamplingParams } from '../../src/engine/types.js';
import { GREEDY, tinyModel, VOCABULARY } from './tiny-models.js';

const runtime = probeRuntime();
const END = VOCABULARY - 1;
const TOGETHER = 5;

/** Any printable character is a token; the last one is the end. */
const grammars = () =>
  new Grammars({
    bytes: Uint8Array.from([...Array(END).keys()].map((i) => 32 + i).concat(0xff, 0x65)),
    lengths: Uint32Array.from([...Array(END).fill(1), 2]),
    endTokens: Int32Array.of(END),
    sample: new Int32Array(),
  });

let grammar: Grammar | undefined;
beforeAll(async () => {
  if (runtime.loads && runtime.grammars) grammar = await grammars().compile('start: /([A-Z][a-z]+ )+[0-9]+/');
});

const KINDS: readonly Partial<SamplingParams>[] = [
  {},
  { temperature: 1, seed: 5 },
  { temperature: 0.9, topP: 0.9, topK: 20, seed: 6 },
  { repetitionPenalty: 1.3, presencePenalty: 0.7, frequencyPenalty: 0.4 },
  { temperature: 1.2, minP: 0.05, repetitionPenalty: 1.2, repetitionWindow: 8, seed: 7 },
  { logitBias: new Map([[3, 4]]), logprobs: 3 },
];

/** A few beginnings that several share, ends of their own; each kind of sampling free and, where there are some, held to a grammar. */
function requests(): EngineRequest[] {
  const held = grammar ? [undefined, grammar] : [undefined];
  return KINDS.flatMap((kind, i) =>
    held.map((holds, j) => {
      const stem = Array.from({ length: 20 * (i % 3) + 3 }, (_, at) => (at * 31 + (i % 3) * 7) % END);
      const tokens = Int32Array.from([...stem, ...Array.from({ length: 1 + i + j }, (_, at) => (at * 13 + i) % END)]);
      const sampling = { ...GREEDY, logprobs: 0, ...kind };
      const asked = { tokens, sampling, maxTokens: 10 + 3 * i, stopTokens: [END] };
      return holds ? { ...asked, grammar: holds } : asked;
    }),
  );
}

/** Its tokens with their log-probabilities; up to `most` tokens, then it leaves. */
async function reply(engine: Engine, asked: EngineRequest, most = Number.POSITIVE_INFINITY): Promise<unknown[]> {
  const tokens: unknown[] = [];
  for await (const event of engine.generate(asked)) {
    if (event.type !== 'token') continue;
    tokens.push([event.token, event.scores]);
    if (tokens.length >= most) break;
  }
  return tokens;
}

/** Caches of every kind: whole, windows, both in turn, states. */
const MODELS = ['qwen3', 'mistral-window', 'gemma3-text-quantized', 'lfm2'];

describe.each(MODELS)('a mix of requests to %s', (name) => {
  it.each([16, 8] as const)('gives each what it is alone, kept in %i bits', async (kvBits) => {
    const model = { ...tinyModel(name), kvBits };
    const all = requests();
    const plain = await loadEngine({ ...model, prefixCache: 0 });
    const alone: unknown[][] = [];
    for (const asked of all) alone.push(await reply(plain, asked));
    await plain.close();

    const engine = await loadEngine({ ...model, prefillChunk: 16, maxSequences: TOGETHER - 1 });
    const visits = [0, 1, 2].flatMap((round) =>
      all.map((_, i) => ({ index: (5 * i + round) % all.length, most: (i + round) % 3 === 2 ? 1 + i : undefined })),
    );
    const worker = async () => {
      for (let visit = visits.pop(); visit; visit = visits.pop()) {
        const { index, most } = visit;
        const got = await reply(engine, all[index] as EngineRequest, most);
        expect(got).toEqual(most === undefined ? alone[index] : alone[index]?.slice(0, most));
      }
    };
    await Promise.all(Array.from({ length: TOGETHER }, worker));
    expect(engine.stats().prefixes.hits).toBeGreaterThan(0);
    expect(engine.stats().failures).toBe(0);
    await engine.close();
  });
});
