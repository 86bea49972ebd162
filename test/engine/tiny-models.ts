// The tiny checkpoints of test/fixtures/models, and what mlx-lm computed for them.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { EngineRequest, SamplingParams } from '../../src/engine/types.js';

const FOLDER = fileURLToPath(new URL('../fixtures/models/', import.meta.url));

/** Positions, vocabulary and layers of all of them. */
export const CONTEXT = 512;
export const VOCABULARY = 96;

export const GREEDY: SamplingParams = { temperature: 0, topP: 1, topK: 0, minP: 0 };

export function tinyModels(): string[] {
  return readdirSync(FOLDER, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name);
}

export function tinyModelPath(name = 'qwen3'): string {
  return join(FOLDER, name);
}

/** What an engine needs of a model: its folder, and that of its adapter, if it has one. */
export function tinyModel(name: string): { modelPath: string; adapter?: string } {
  const modelPath = tinyModelPath(name);
  const adapter = join(modelPath, 'adapter');
  return existsSync(adapter) ? { modelPath, adapter } : { modelPath };
}

/** mlx-lm's greedy continuation of a prompt, and the logits [prompt, vocabulary] at its positions (scripts that made it: see test/fixtures/models). */
export function golden(name = 'qwen3'): { prompt: Int32Array; greedy: number[]; logits: Float32Array } {
  const file = readFileSync(join(FOLDER, name, 'golden.safetensors'));
  const headerSize = Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.toString('utf8', 8, 8 + headerSize)) as Record<string, { data_offsets: number[] }>;
  const bytes = (tensor: string): ArrayBuffer => {
    const [begin = 0, end = 0] = header[tensor]?.data_offsets ?? [];
    return new Uint8Array(file.subarray(8 + headerSize + begin, 8 + headerSize + end)).buffer;
  };
  return {
    prompt: new Int32Array(bytes('prompt')),
    greedy: [...new Int32Array(bytes('greedy'))],
    logits: new Float32Array(bytes('logits')),
  };
}

/** A request that goes on to its length: no stop tokens. */
export function request(change: Partial<EngineRequest> = {}): EngineRequest {
  return { tokens: golden().prompt, sampling: GREEDY, maxTokens: 32, stopTokens: [], ...change };
}
