// How rope is scaled, as config.json tells it: from the metadata, or from the factors that llama.cpp's converter stores
// in a tensor. It computes Llama 3's from (factor, low, high, original context); the checkpoints of that family all use
// 1, 4 and 8192 for the last three.
import type { ByteSource } from './byte-source.js';
import { GgufError } from './errors.js';
import type { Metadata } from './metadata.js';
import { type ModelShape, shortestF32 } from './model-shape.js';
import type { TensorInfo } from './tensor-directory.js';

/** The tensor of Llama 3's factors. */
export const LLAMA3_FACTORS = 'rope_freqs.weight';

const LOW = 1;
const HIGH = 4;
const ORIGINAL_CONTEXT = 8192;
const TOLERANCE = 1e-4;

export interface LinearScaling {
  rope_type: 'linear';
  factor: number;
}

export interface Llama3Scaling {
  rope_type: 'llama3';
  factor: number;
  low_freq_factor: number;
  high_freq_factor: number;
  original_max_position_embeddings: number;
}

/** What the metadata tells, undefined for none. Throws GgufError for a kind that is not supported. */
export function readRopeScaling(metadata: Metadata, architecture: string): LinearScaling | undefined {
  const key = `${architecture}.rope.scaling.type`;
  const type = metadata.string(key, 'none');
  if (type === 'none') return undefined;
  if (type !== 'linear') {
    throw metadata.error(
      key,
      `is ${JSON.stringify(type.slice(0, 64))}, which cannot be imported; supported: none, linear`,
    );
  }
  const factor = metadata.real(`${architecture}.rope.scaling.factor`, 1e-3, 1e6);
  return { rope_type: 'linear', factor: shortestF32(factor) };
}

/** Throws GgufError when no setting of the family gives the factors that the tensor holds. */
export async function readLlama3Scaling(
  source: ByteSource,
  tensor: TensorInfo,
  { headDim, ropeTheta }: ModelShape,
): Promise<Llama3Scaling> {
  const stored = await readFactors(source, tensor, headDim / 2);
  const factor = Math.max(...stored);
  const expected = stored.map((_, i) => llama3Factor(factor, 2 * Math.PI * ropeTheta ** ((2 * i) / headDim)));
  if (!stored.every((value, i) => Math.abs(value - (expected[i] as number)) <= TOLERANCE * value)) {
    throw new GgufError(`${tensor.name} holds frequencies that are not Llama 3's`, tensor.dataOffset);
  }
  return {
    rope_type: 'llama3',
    factor,
    low_freq_factor: LOW,
    high_freq_factor: HIGH,
    original_max_position_embeddings: ORIGINAL_CONTEXT,
  };
}

/** `count` positive numbers, one a rotated pair. Throws GgufError. */
export async function readFactors(source: ByteSource, tensor: TensorInfo, count: number): Promise<number[]> {
  if (tensor.type.name !== 'F32' || tensor.shape.join() !== String(count)) {
    throw new GgufError(`${tensor.name} must hold ${count} F32 values`, tensor.entryOffset);
  }
  const bytes = await source.read(tensor.dataOffset, tensor.byteLength);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const factors = Array.from({ length: count }, (_, i) => shortestF32(view.getFloat32(4 * i, true)));
  if (!factors.every((factor) => factor > 0 && Number.isFinite(factor))) {
    throw new GgufError(`${tensor.name} holds a factor that is no positive number`, tensor.dataOffset);
  }
  return factors;
}

/** By how much the frequency of this wavelength (in positions) is divided. */
export function llama3Factor(factor: number, wavelength: number): number {
  if (wavelength < ORIGINAL_CONTEXT / HIGH) return 1;
  if (wavelength > ORIGINAL_CONTEXT / LOW) return factor;
  const smooth = (ORIGINAL_CONTEXT / wavelength - LOW) / (HIGH - LOW);
  return 1 / ((1 - smooth) / factor + smooth);
}
