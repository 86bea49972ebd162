// Llama 3's rope scaling from the factors that llama.cpp's converter stores in a tensor.
// It computed them from (factor, low, high, original context); the checkpoints of the family all use 1, 4 and 8192.
import type { ByteSource } from './byte-source.js';
import { GgufError } from './errors.js';
import type { LlamaConfig } from './llama-config.js';
import type { TensorInfo } from './tensor-directory.js';

const LOW = 1;
const HIGH = 4;
const ORIGINAL_CONTEXT = 8192;
const TOLERANCE = 1e-4;

export interface Llama3Scaling {
  rope_type: 'llama3';
  factor: number;
  low_freq_factor: number;
  high_freq_factor: number;
  original_max_position_embeddings: number;
}

/** Throws GgufError when no setting of the family gives the factors that the tensor holds. */
export async function readLlama3Scaling(
  source: ByteSource,
  tensor: TensorInfo,
  { headDim, ropeTheta }: LlamaConfig,
): Promise<Llama3Scaling> {
  const count = headDim / 2;
  if (tensor.type.name !== 'F32' || tensor.shape.join() !== String(count)) {
    throw new GgufError(`${tensor.name} must hold ${count} F32 values`, tensor.entryOffset);
  }
  const bytes = await source.read(tensor.dataOffset, tensor.byteLength);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const stored = Array.from({ length: count }, (_, i) => view.getFloat32(4 * i, true));
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

/** By how much the frequency of this wavelength (in positions) is divided. */
export function llama3Factor(factor: number, wavelength: number): number {
  if (wavelength < ORIGINAL_CONTEXT / HIGH) return 1;
  if (wavelength > ORIGINAL_CONTEXT / LOW) return factor;
  const smooth = (ORIGINAL_CONTEXT / wavelength - LOW) / (HIGH - LOW);
  return 1 / ((1 - smooth) / factor + smooth);
}
