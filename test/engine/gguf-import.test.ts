// Imported GGUF files over the real addon, against what llama.cpp computes with the same files
// (scripts/fixtures/make_gguf_architecture_fixtures.py).
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { loadEngine } from '../../src/engine/native-engine.js';
import { importGguf } from '../../src/services/model-import.js';
import { GREEDY, request } from './tiny-models.js';

const FOLDER = new URL('../fixtures/gguf/architectures/', import.meta.url);

/** After the prompt, of every token; then the tokens that a greedy choice goes on with. */
interface Continuation {
  logprobs: number[];
  greedy: number[];
}
interface Golden {
  prompt: number[];
  /** `long`: past the original context, for which llama.cpp has other rope factors. We keep to those whatever the length. */
  models: Record<string, Continuation & { long?: Continuation }>;
}
const { prompt, models } = JSON.parse(readFileSync(new URL('golden.json', FOLDER), 'utf8')) as Golden;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'mlxd-gguf-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const NAMES = ['llama', 'mistral', 'qwen2', 'qwen3', 'gemma', 'gemma2', 'gemma3', 'phi3', 'phi3-long'];

it.each(NAMES)("%s has llama.cpp's log-probabilities and tokens", async (name) => {
  const golden = models[name] as Golden['models'][string];
  const { logprobs, greedy } = golden.long ?? golden;
  const modelPath = join(folder, name);
  await importGguf({ file: new URL(`${name}.gguf`, FOLDER).pathname, out: modelPath });
  const engine = await loadEngine({ modelPath, precision: 'exact' });
  const tokens: number[] = [];
  const differences: number[] = [];
  const sampling = { ...GREEDY, logprobs: 20 };
  for await (const event of engine.generate(
    request({ tokens: Int32Array.from(prompt), maxTokens: greedy.length, sampling }),
  )) {
    if (event.type !== 'token') continue;
    tokens.push(event.token);
    if (tokens.length > 1) continue;
    for (const { token, logprob } of event.scores ?? [])
      differences.push(Math.abs(logprob - (logprobs[token] as number)));
  }
  await engine.close();
  expect(differences).toHaveLength(21);
  expect(Math.max(...differences)).toBeLessThan(2e-3);
  expect(tokens).toEqual(greedy);
});
