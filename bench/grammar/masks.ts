// Runs the corpus of the tests through bench/native/grammar_bench with a model's vocabulary.
import { spawn } from 'node:child_process';
import { text as readText } from 'node:stream/consumers';
import { z } from 'zod';
import { BuildError } from '../../scripts/build/errors.js';
import type { Tokenizer } from '../../src/text/types.js';
import { readCases, type SchemaCase } from '../../test/text/grammar/cases.js';
import { buildNative } from '../native.js';

const findings = z.object({
  /** Microseconds, as all that follow. */
  vocabulary: z.number(),
  cases: z.array(z.object({ compile: z.number(), begin: z.number(), masks: z.array(z.number()) })),
});

export async function measureMasks(tokenizer: Tokenizer): Promise<z.infer<typeof findings>> {
  const program = await buildNative('grammar_bench');
  const cases = await Promise.all(
    readCases<SchemaCase>('schemas.json').map(async ({ name, grammar, valid }) => ({
      name,
      grammar,
      replies: await Promise.all(valid.map(async (text) => [...(await tokenizer.encode(text))])),
    })),
  );
  const tokens = Array.from({ length: tokenizer.vocabSize }, (_, id) => hexOf(tokenizer, id));
  const child = spawn(program, { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  child.stdin.on('error', () => undefined);
  const ends = [tokenizer.idOf(tokenizer.controlTokens[0] ?? '') ?? 0];
  const sample = [...(await tokenizer.encode('{"name": "get_weather"}'))];
  child.stdin.end(JSON.stringify({ tokens, ends, sample, cases }));
  const [output, code] = await Promise.all([readText(child.stdout), ended]);
  if (code !== 0) throw new BuildError(`grammar_bench ended with status ${code}`);
  return findings.parse(JSON.parse(output));
}

/** A token without text as the engine marks it. */
function hexOf(tokenizer: Tokenizer, id: number): string {
  const bytes = Buffer.from(tokenizer.tokenBytes(id));
  return bytes.length > 0 ? bytes.toString('hex') : 'ff';
}
