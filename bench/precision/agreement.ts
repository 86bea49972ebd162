// What the precisions lose against `exact`: counting, and the floors of it. Pure.

/** `kv8` and `kv4` are balanced with keys and values in so many bits. */
export const PRECISIONS = ['exact', 'balanced', 'fast', 'kv8', 'kv4'] as const;
export type Precision = (typeof PRECISIONS)[number];

/** What the default precision must reach: this share of equal greedy tokens, and a perplexity that changes by less. */
export const EQUAL_TOKENS_FLOOR = 0.99;
export const PERPLEXITY_CHANGE_BOUND = 0.0005;

/** What one precision made of a prompt or a text. */
export interface Reading {
  /** Its own greedy answer; empty for a text. */
  answer: readonly number[];
  /** The likeliest token at each place of the answer of `exact`, or of the text, after all that stands before it. */
  argmax: readonly number[];
  /** Sum of -log p of those tokens, in nats. */
  nll: number;
}

export type Readings = Record<Precision, Reading>;

export interface Count {
  equal: number;
  of: number;
}

export interface Quality {
  /** Equal tokens of the answers, each running freely. */
  free: Count;
  /** Answers that are equal to their last token. */
  answers: Count;
  /** Equal choices at the places of the answers of `exact`, each given the answer of `exact` up to there. */
  forced: Count;
  /** The same at the places of the text. */
  text: Count;
  perplexity: number;
  /** Relative, against `exact`: 0.01 is one percent more. */
  perplexityChange: number;
}

export const share = ({ equal, of }: Count): number => equal / of;

/**
 * Tokens of an answer before the first that differs. All after it count as different, even if they happen to be equal:
 * from there on it is another answer. An answer that ends early or late differs where it ends.
 */
export function countShared(exact: readonly number[], other: readonly number[]): Count {
  const first = exact.findIndex((token, place) => token !== other[place]);
  return { equal: first < 0 ? exact.length : first, of: exact.length };
}

/** Places where both lists hold the same token. */
export const countEqual = (exact: readonly number[], other: readonly number[]): Count => ({
  equal: exact.filter((token, place) => token === other[place]).length,
  of: exact.length,
});

const total = (counts: readonly Count[]): Count => ({
  equal: counts.reduce((sum, { equal }) => sum + equal, 0),
  of: counts.reduce((sum, { of }) => sum + of, 0),
});

/** Perplexity of a text from its summed -log p. */
export const perplexityOf = ({ nll, argmax }: Reading): number => Math.exp(nll / argmax.length);

/** How near `precision` comes to `exact` on these prompts and this text. */
export function qualityOf(precision: Precision, prompts: readonly Readings[], text: Readings): Quality {
  const free = prompts.map((readings) => countShared(readings.exact.answer, readings[precision].answer));
  const perplexity = perplexityOf(text[precision]);
  return {
    free: total(free),
    answers: { equal: free.filter(({ equal, of }) => equal === of).length, of: free.length },
    forced: total(prompts.map((readings) => countEqual(readings.exact.argmax, readings[precision].argmax))),
    text: countEqual(text.exact.argmax, text[precision].argmax),
    perplexity,
    perplexityChange: perplexity / perplexityOf(text.exact) - 1,
  };
}

export const keepsTokens = ({ free }: Quality): boolean => share(free) >= EQUAL_TOKENS_FLOOR;

export const keepsPerplexity = ({ perplexityChange }: Quality): boolean =>
  Math.abs(perplexityChange) < PERPLEXITY_CHANGE_BOUND;
