// Asks bench/native/precision_probe. Token ids in, readings out.

import { spawn } from 'node:child_process';
import { text as readText } from 'node:stream/consumers';
import { z } from 'zod';
import { BuildError } from '../../scripts/build/errors.js';
import { buildNative } from '../native.js';
import { PRECISIONS } from './agreement.js';

// What is not finite comes as null; as NaN it meets no floor.
const number = z
  .number()
  .nullable()
  .transform((value) => value ?? Number.NaN);
const tokens = z.array(z.int());
const readings = z.record(z.enum(PRECISIONS), z.object({ answer: tokens, argmax: tokens, nll: number }));
const findings = z.object({
  /** The instruction set of the kernels. */
  isa: z.string(),
  threads: z.int(),
  /** |logit - logit of exact|, over all places of answers and text and the whole vocabulary. */
  differences: z.record(z.enum(PRECISIONS), z.object({ max: number, mean: number })),
  /** In the order of the sequences that were given. */
  sequences: z.array(readings),
});

export type Findings = z.infer<typeof findings>;

export interface Sequence {
  kind: 'prompt' | 'text';
  tokens: Int32Array;
}

export interface ProbeOptions {
  /** A folder with an MLX model. */
  folder: string;
  /** Tokens of an answer at most. */
  answerTokens: number;
  /** Undefined: one a physical core. It changes no result. */
  threads: number | undefined;
}

/** The path of the program, built if need be. */
export const buildProbe = (): Promise<string> => buildNative('precision_probe');

/** Lets each precision answer the prompts, and read those answers and the texts. Throws BuildError when it fails. */
export async function probe(program: string, sequences: readonly Sequence[], options: ProbeOptions): Promise<Findings> {
  const { folder, answerTokens, threads } = options;
  const args = [folder, `${answerTokens}`, ...(threads === undefined ? [] : [`${threads}`])];
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on('error', (error) => reject(new BuildError(`cannot start ${program}: ${error.message}`)));
    child.on('close', resolve);
  });
  // It may end before it has read everything: its own message says why, not the broken pipe.
  child.stdin.on('error', () => undefined);
  child.stdin.end(sequences.map(({ kind, tokens }) => `${kind} ${tokens.join(' ')}\n`).join(''));
  const [output, code] = await Promise.all([readText(child.stdout), ended]);
  if (code !== 0) throw new BuildError(`precision_probe ended with status ${code}`);
  return findings.parse(JSON.parse(output));
}
