// What does it cost to hold replies to a grammar? Compile times and masks over the corpus of the tests with the model's
// own vocabulary, then decode of streams that are held, with white space and without, beside streams that are not.
import { parseArgs } from 'node:util';
import { DEFAULT_MODEL, ModelStore } from '../../src/services/model-store.js';
import { loadTokenizer } from '../../src/text/tokenizer.js';
import { measureDecode } from './decode.js';
import { measureMasks } from './masks.js';

const HELP = `npm run bench:grammar -- [options]
  --model NAME|PATH   default: ${DEFAULT_MODEL}
  --rounds N          of decode, held and free in turn (default 5)
  --tokens N          of each stream (default 64)`;

const { values } = parseArgs({
  options: {
    model: { type: 'string' },
    rounds: { type: 'string' },
    tokens: { type: 'string' },
    help: { type: 'boolean' },
  },
});

const at = (sorted: readonly number[], share: number) => sorted[Math.floor(share * (sorted.length - 1))] ?? Number.NaN;
const spread = (times: number[]): string => {
  const sorted = times.toSorted((a, b) => a - b);
  return `p50 ${at(sorted, 0.5).toFixed(1)}, p99 ${at(sorted, 0.99).toFixed(1)}, most ${at(sorted, 1).toFixed(1)} us`;
};

if (values.help) {
  console.log(HELP);
} else {
  const { folder } = await new ModelStore().find(values.model ?? DEFAULT_MODEL);
  const { vocabulary, cases } = await measureMasks(await loadTokenizer(folder));
  console.log(`the vocabulary, once a model: ${(vocabulary / 1000).toFixed(0)} ms`);
  console.log(`compiling one of ${cases.length} grammars: ${spread(cases.map(({ compile }) => compile))}`);
  console.log(`beginning a reply: ${spread(cases.map(({ begin }) => begin))}`);
  const masks = cases.flatMap((one) => one.masks);
  console.log(`a mask, of ${masks.length}: ${spread(masks)}`);
  for (const streams of [1, 16]) {
    const { free, held, compact } = await measureDecode(
      folder,
      streams,
      Number(values.tokens ?? 64),
      Number(values.rounds ?? 5),
    );
    const beside = (rate: number) => `${rate.toFixed(0)} tok/s (${(rate / free).toFixed(3)})`;
    console.log(
      `decode, ${streams} streams: free ${free.toFixed(0)} tok/s, held ${beside(held)}, compact ${beside(compact)}`,
    );
  }
}
