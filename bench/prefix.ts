// What does the prefix cache save? Time to the first token of a prompt that comes again, beside that of a new one.
import { parseArgs } from 'node:util';
import { loadEngine } from '../src/engine/native-engine.js';
import type { Engine } from '../src/engine/types.js';
import { DEFAULT_MODEL, ModelStore } from '../src/services/model-store.js';

const HELP = `npm run bench:prefix -- [options]
  --model NAME|PATH   default: ${DEFAULT_MODEL}
  --tokens N          of the shared prefix (default 2000)
  --rounds N          (default 5)`;
const GREEDY = { temperature: 0, topP: 1, topK: 0, minP: 0 };
const NEW_TOKENS = 16;

interface First {
  ms: number;
  token: number;
  reused: number;
}

async function first(engine: Engine, tokens: Int32Array): Promise<First> {
  const started = performance.now();
  let reused = 0;
  for await (const event of engine.generate({ tokens, sampling: GREEDY, maxTokens: 1, stopTokens: [] })) {
    if (event.type === 'reused') reused = event.tokens;
    if (event.type === 'token') return { ms: performance.now() - started, token: event.token, reused };
  }
  throw new Error('no token came');
}

/** `length` tokens unlike those of other seeds, then the question: a few tokens of its own. */
function prompt(engine: Engine, length: number, seed: number, question: number): Int32Array {
  const { vocabSize } = engine.info;
  const at = (i: number, of: number) => (Math.imul(i + 1, 7919) + Math.imul(of + 1, 104_729)) >>> 0;
  return Int32Array.from({ length: length + NEW_TOKENS }, (_, i) => at(i, i < length ? seed : question) % vocabSize);
}

const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

const { values } = parseArgs({
  options: {
    model: { type: 'string' },
    tokens: { type: 'string' },
    rounds: { type: 'string' },
    help: { type: 'boolean' },
  },
});
if (values.help) {
  console.log(HELP);
} else {
  const length = Number(values.tokens ?? 2000);
  const { folder } = await new ModelStore().find(values.model ?? DEFAULT_MODEL);
  const [engine, without] = [
    await loadEngine({ modelPath: folder }),
    await loadEngine({ modelPath: folder, prefixCache: 0 }),
  ];
  const cold: number[] = [];
  const warm: number[] = [];
  for (let round = 0; round <= Number(values.rounds ?? 5); round++) {
    const once = await first(engine, prompt(engine, length, round, 1000));
    const again = await first(engine, prompt(engine, length, round, 2000));
    const alone = await first(without, prompt(engine, length, round, 2000));
    if (again.token !== alone.token) throw new Error('the first token differs with and without the prefix cache');
    if (again.reused < length) throw new Error(`only ${again.reused} of ${length} tokens were reused`);
    if (round === 0) continue; // a warm-up
    cold.push(once.ms);
    warm.push(again.ms);
  }
  const [new_, repeated] = [median(cold), median(warm)];
  console.log(`${length} shared and ${NEW_TOKENS} new prompt tokens, time to the first token, median:`);
  console.log(`new ${new_.toFixed(1)} ms, again ${repeated.toFixed(1)} ms: ${((100 * repeated) / new_).toFixed(1)} %`);
  await Promise.all([engine.close(), without.close()]);
}
