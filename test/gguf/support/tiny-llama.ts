// The fixture that the gguf Python package wrote, and what its import must hold.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const path = (name: string): string => fileURLToPath(new URL(`../../fixtures/gguf/${name}`, import.meta.url));

export const TINY_LLAMA = path('tiny-llama.gguf');

export const tinyLlama = (): Buffer => readFileSync(TINY_LLAMA);

export interface GoldenTensor {
  shape: number[];
  first: number[];
  /** Of the values as little-endian F32. */
  sha256: string;
}

export const goldenTensors = (): Record<string, GoldenTensor> =>
  JSON.parse(readFileSync(path('tiny-llama.json'), 'utf8')) as Record<string, GoldenTensor>;
