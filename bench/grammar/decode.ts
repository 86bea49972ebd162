// Decode of streams that a grammar holds beside the same that are free: the grammar is of JSON that does not end.
import { openModel } from '../../src/services/served-model.js';
import type { ServedModel, TextConstraint } from '../../src/services/types.js';

const ENDLESS = {
  type: 'json' as const,
  schema: {
    type: 'array',
    items: {
      type: 'object',
      properties: {
        name: { type: 'string', maxLength: 12 },
        age: { type: 'integer' },
        tags: { enum: ['a', 'b', 'c'] },
      },
      required: ['name', 'age', 'tags'],
      additionalProperties: false,
    },
    minItems: 1000,
  },
};
/** Without white space most of such JSON is forced. */
const KINDS: Record<Kind, TextConstraint | undefined> = {
  free: undefined,
  held: ENDLESS,
  compact: { ...ENDLESS, whitespace: '' },
};
type Kind = 'free' | 'held' | 'compact';
const SAMPLING = { temperature: 1, topP: 1, topK: 0, minP: 0 };

/** Tokens a second of all streams after their first ones, medians of the rounds. */
export async function measureDecode(
  folder: string,
  streams: number,
  tokens: number,
  rounds: number,
): Promise<Record<Kind, number>> {
  const model = await openModel({ id: 'bench', folder });
  const rates: Record<Kind, number[]> = { free: [], held: [], compact: [] };
  for (let round = 0; round <= rounds; round++) {
    for (const kind of ['free', 'held', 'compact'] as const) {
      const rate = await rateOf(model, streams, tokens, KINDS[kind]);
      if (round > 0) rates[kind].push(rate); // after a warm-up
    }
  }
  await model.close();
  return { free: median(rates.free), held: median(rates.held), compact: median(rates.compact) };
}

async function rateOf(model: ServedModel, streams: number, maxTokens: number, constraint: TextConstraint | undefined) {
  let begun = 0;
  let first = 0;
  const one = async (seed: number) => {
    const options = { sampling: { ...SAMPLING, seed }, maxTokens, stop: [], ignoreEos: constraint === undefined };
    const held = constraint ? { constraint } : {};
    let started = false;
    for await (const delta of model.complete({ prompt: 'People as JSON:\n', ...options, ...held })) {
      // A stream's first token ends its prefill: decode is timed once all have theirs.
      if (started || delta.type === 'finish') continue;
      started = true;
      begun += 1;
      if (begun === streams) first = performance.now();
    }
  };
  await Promise.all(Array.from({ length: streams }, (_, seed) => one(seed)));
  return (streams * (maxTokens - 1)) / ((performance.now() - first) / 1000);
}

const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
