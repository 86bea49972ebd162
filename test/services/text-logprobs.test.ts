import { beforeAll, describe, expect, it } from 'vitest';
import type { EngineRequest, ScoredToken } from '../../src/engine/types.js';
import { generateText } from '../../src/services/generation.js';
import type { TextLogprob } from '../../src/services/types.js';
import { revealTokens } from '../../src/text/detokenizer.js';
import type { Tokenizer } from '../../src/text/types.js';
import { FakeEngine } from '../support/fake-engine.js';
import { loadFixture } from '../text/fixtures.js';

const SAMPLING = { temperature: 0, topP: 1, topK: 0, minP: 0, logprobs: 1 };
const MANY_BYTES = 'Wait… 👍🏽 𓀀 done';

let tokenizer: Tokenizer;
beforeAll(async () => {
  tokenizer = await loadFixture('byte-level');
});

async function idsOf(text: string): Promise<number[]> {
  return [...(await tokenizer.encode(text))];
}

/** Token i of the reply has the log-probability -i, and its best token is number `alternative`. */
const scores = (token: number, i: number, alternative: number): [ScoredToken, ScoredToken] => [
  { token, logprob: -i },
  { token: alternative, logprob: -0.5 },
];

interface Read {
  text: string;
  logprobs: TextLogprob[];
  /** Whether each delta's entries join to no more than the text that was out by then. */
  neverAhead: boolean;
}

async function read(ids: readonly number[], stop: string[] = [], maxTokens = 100): Promise<Read> {
  const engine = new FakeEngine({ manual: true });
  const [alternative = 0] = await idsOf('A');
  const request: EngineRequest = { tokens: Int32Array.of(1), sampling: SAMPLING, maxTokens, stopTokens: [] };
  const deltas = generateText({ engine, request, reading: { tokens: tokenizer, stop } });
  const out: Read = { text: '', logprobs: [], neverAhead: true };
  const reading = (async () => {
    for await (const delta of deltas) {
      if (delta.type !== 'text') continue;
      out.text += delta.text;
      out.logprobs.push(...(delta.logprobs ?? []));
      out.neverAhead &&= out.text.startsWith(joined(out.logprobs));
    }
  })();
  const call = await engine.nextCall();
  for (const [i, token] of ids.entries()) {
    call.pushScored(scores(token, i, alternative));
    // Each token in a delta of its own.
    await new Promise(setImmediate);
  }
  call.finish('stop');
  await reading;
  return out;
}

const joined = (logprobs: readonly TextLogprob[]) => logprobs.map(({ text }) => text).join('');

describe('log-probabilities beside text', () => {
  it('join to the text, and their bytes to its bytes, where characters span tokens', async () => {
    const ids = await idsOf(MANY_BYTES);
    const { text, logprobs, neverAhead } = await read(ids);
    expect(text).toBe(MANY_BYTES);
    expect(joined(logprobs)).toBe(MANY_BYTES);
    expect(Buffer.from(logprobs.flatMap(({ bytes }) => bytes)).toString()).toBe(MANY_BYTES);
    expect(logprobs.map(({ logprob }) => logprob)).toEqual(ids.map((_, i) => -i));
    expect(logprobs.every(({ best }) => best.length === 1 && best[0]?.text === 'A')).toBe(true);
    expect(neverAhead).toBe(true);
  });

  it('leave out a stop string, and cut the token in which it begins', async () => {
    const ids = await idsOf('one two three');
    for (const stop of ['two', 'wo th', ' tw', 'ne two t', 'three', 'o']) {
      const { text, logprobs, neverAhead } = await read(ids, [stop]);
      expect(text).toBe('one two three'.slice(0, 'one two three'.indexOf(stop)));
      expect(joined(logprobs), stop).toBe(text);
      expect(Buffer.from(logprobs.flatMap(({ bytes }) => bytes)).toString(), stop).toBe(text);
      expect(neverAhead).toBe(true);
    }
  });

  it('give the end of a broken character to its last token', async () => {
    const ids = (await idsOf('𓀀')).slice(0, -1);
    const { text, logprobs } = await read(ids);
    expect(text).toBe('\uFFFD');
    expect(joined(logprobs)).toBe('\uFFFD');
    expect(logprobs).toHaveLength(ids.length);
  });

  it('name the control tokens that might have come instead', async () => {
    const end = tokenizer.idOf('<|im_end|>') ?? -1;
    const engine = new FakeEngine({ manual: true });
    const request = { tokens: Int32Array.of(1), sampling: SAMPLING, maxTokens: 1, stopTokens: [end] };
    const reading = { tokens: tokenizer, names: revealTokens(tokenizer, tokenizer.controlTokens), stop: [] };
    const deltas = generateText({ engine, request, reading });
    const first = deltas.next();
    (await engine.nextCall()).pushScored(scores((await idsOf('A'))[0] ?? -1, 0, end));
    expect((await first).value).toMatchObject({ text: 'A', logprobs: [{ best: [{ text: '<|im_end|>' }] }] });
    await deltas.return(undefined);
  });

  it('are not there when nobody asked', async () => {
    const engine = new FakeEngine({ replies: [await idsOf('Yes')] });
    const sampling = { temperature: 0, topP: 1, topK: 0, minP: 0 };
    const request = { tokens: Int32Array.of(1), sampling, maxTokens: 9, stopTokens: [] };
    for await (const delta of generateText({ engine, request, reading: { tokens: tokenizer, stop: [] } })) {
      expect(delta).not.toHaveProperty('logprobs');
    }
  });
});
