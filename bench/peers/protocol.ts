// What the driver and a worker process say to each other: one JSON request a line, one JSON answer a line. Pure.

import { z } from 'zod';

export type Request =
  | { op: 'load'; model: string; threads: number; contextLength: number }
  /** Timed: the prompt's forward, up to its next token. */
  | { op: 'prefill'; tokens: readonly number[] }
  /** Timed: `steps` greedy tokens after the prompt, which is not. */
  | { op: 'decode'; tokens: readonly number[]; steps: number }
  /** Timed: at least `steps` greedy tokens of every stream while all of them run. */
  | { op: 'batch'; prompts: readonly (readonly number[])[]; steps: number };

/** Settings that only some peers know. */
export type Extras = Readonly<Record<string, number | boolean>>;

export const loadedSchema = z.object({ version: z.string(), details: z.string() });
export type Loaded = z.infer<typeof loadedSchema>;

export const measurementSchema = z.object({ seconds: z.number().positive(), tokens: z.number().int().positive() });
export type Measurement = z.infer<typeof measurementSchema>;

export const tokensPerSecond = ({ seconds, tokens }: Measurement): number => tokens / seconds;

const answerSchema = z.discriminatedUnion('ok', [
  z.object({ id: z.number().int(), ok: z.literal(true), result: z.unknown() }),
  z.object({ id: z.number().int(), ok: z.literal(false), error: z.string() }),
]);
export type Answer = z.infer<typeof answerSchema>;

/** Reads a worker's line. Throws, with the line, when it is not an answer. */
export function parseAnswer(line: string): Answer {
  try {
    return answerSchema.parse(JSON.parse(line));
  } catch {
    throw new Error(`not an answer of a worker: ${line.slice(0, 200)}`);
  }
}
