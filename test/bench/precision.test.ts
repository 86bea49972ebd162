import { describe, expect, it } from 'vitest';
import {
  countEqual,
  countShared,
  keepsPerplexity,
  keepsTokens,
  perplexityOf,
  type Quality,
  qualityOf,
  type Reading,
  type Readings,
} from '../../bench/precision/agreement.js';
import { PROMPTS } from '../../bench/precision/prompts.js';
import { reportText } from '../../bench/precision/report.js';

const reading = (answer: number[], argmax = answer, nll = 0): Reading => ({ answer, argmax, nll });

const NONE = { equal: 0, of: 1 };
const quality = (parts: Partial<Quality>): Quality => ({
  ...{ free: NONE, answers: NONE, forced: NONE, text: NONE, perplexity: 20, perplexityChange: 0 },
  ...parts,
});

describe('answers run freely', () => {
  it('count up to the first token that differs, whatever comes after it', () => {
    expect(countShared([1, 2, 3, 4], [1, 2, 3, 4])).toEqual({ equal: 4, of: 4 });
    expect(countShared([1, 2, 3, 4], [1, 9, 3, 4])).toEqual({ equal: 1, of: 4 });
    expect(countShared([1, 2], [2, 2])).toEqual({ equal: 0, of: 2 });
  });

  it('differ where one of them ends, for then only one has the token that ends a turn', () => {
    expect(countShared([1, 2, 0], [1, 0])).toEqual({ equal: 1, of: 3 });
    expect(countShared([1, 0], [1, 2, 0])).toEqual({ equal: 1, of: 2 });
  });
});

describe('answers that are read', () => {
  it('count at every place', () => {
    expect(countEqual([1, 2, 3, 4], [1, 9, 3, 4])).toEqual({ equal: 3, of: 4 });
  });
});

/** Of those with keys and values in fewer bits. */
const kept = (answer: number[], argmax = answer) => ({ kv8: reading(answer, argmax), kv4: reading(answer, argmax) });

describe('the quality of a precision', () => {
  const prompts: Readings[] = [
    {
      exact: reading([1, 2, 3]),
      balanced: reading([1, 2, 3]),
      fast: reading([1, 5, 3], [1, 5, 3]),
      ...kept([1, 2, 3]),
    },
    { exact: reading([4]), balanced: reading([4]), fast: reading([4]), ...kept([4]) },
  ];
  const text: Readings = {
    exact: reading([], [7, 8], 2 * Math.log(10)),
    balanced: reading([], [7, 8], 2 * Math.log(10)),
    fast: reading([], [7, 9], 2 * Math.log(11)),
    ...kept([], [7, 8]),
  };

  it('sums tokens over the prompts, so that long answers count for more', () => {
    expect(qualityOf('fast', prompts, text)).toMatchObject({
      free: { equal: 2, of: 4 },
      answers: { equal: 1, of: 2 },
      forced: { equal: 3, of: 4 },
      text: { equal: 1, of: 2 },
    });
  });

  it('has the perplexity of the mean over the tokens, and its change relative to exact', () => {
    expect(perplexityOf(text.exact)).toBeCloseTo(10, 10);
    expect(qualityOf('fast', prompts, text).perplexityChange).toBeCloseTo(0.1, 10);
    expect(qualityOf('balanced', prompts, text).perplexityChange).toBe(0);
  });
});

describe('the floors', () => {
  it('ask for 99 in 100 tokens', () => {
    expect(keepsTokens(quality({ free: { equal: 99, of: 100 } }))).toBe(true);
    expect(keepsTokens(quality({ free: { equal: 989, of: 1000 } }))).toBe(false);
  });

  it('ask for a perplexity that has neither risen nor fallen by 0.05 %, and is a number', () => {
    expect(keepsPerplexity(quality({ perplexityChange: -0.0004 }))).toBe(true);
    expect(keepsPerplexity(quality({ perplexityChange: 0.0005 }))).toBe(false);
    expect(keepsPerplexity(quality({ perplexityChange: -0.0006 }))).toBe(false);
    expect(keepsPerplexity(quality({ perplexityChange: Number.NaN }))).toBe(false);
  });

  it('judge balanced alone in the report', () => {
    const good = quality({ free: { equal: 100, of: 100 } });
    const bad = quality({ perplexityChange: 0.002 });
    const much = { max: 2, mean: 0.1 };
    const report = {
      ...{ model: 'a model', cpu: 'a processor', isa: 'avx2', threads: 2, prompts: 20, answerTokens: 64 },
      ...{ textTokens: 100, qualities: { exact: good, balanced: good, fast: bad, kv8: good, kv4: bad } },
      differences: { exact: { max: 0, mean: 0 }, balanced: { max: 0.1, mean: 0.01 }, fast: much, kv8: much, kv4: much },
    };
    expect(reportText(report)).not.toContain('missed');
    expect(reportText(report)).toContain('+0.2000 %');
    const missed = { ...report, qualities: { exact: good, balanced: bad, fast: bad, kv8: bad, kv4: bad } };
    expect(reportText(missed).match(/missed/g)).toHaveLength(2);
  });
});

it('asks twenty different questions', () => {
  expect(new Set(PROMPTS).size).toBe(20);
});
