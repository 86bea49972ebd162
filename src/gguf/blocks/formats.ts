// Into what each of GGUF's quantized types is made, and how. Where weights have to be quantized anew they get the fewest
// bits whose own rounding is small beside the one that the type already made: docs/decisions/0005.
import { GgufError } from '../errors.js';
import type { TensorType } from '../tensor-types.js';
import type { Bits } from './affine-groups.js';
import type { BlockReader } from './block-reader.js';
import { readIQ4_NL, readQ4_0, readQ4_1, readQ5_0, readQ5_1, readQ8_0 } from './classic.js';
import { readIQ4_XS, readQ2_K, readQ3_K, readQ4_K, readQ5_K, readQ6_K } from './super.js';

export interface BlockFormat {
  /** Of a weight in the MLX folder. */
  bits: Bits;
  read: BlockReader;
}

const FORMATS: Record<string, BlockFormat> = {
  Q4_0: { bits: 4, read: readQ4_0 },
  Q4_1: { bits: 4, read: readQ4_1 },
  Q5_0: { bits: 5, read: readQ5_0 },
  Q5_1: { bits: 5, read: readQ5_1 },
  Q8_0: { bits: 8, read: readQ8_0 },
  IQ4_NL: { bits: 8, read: readIQ4_NL },
  IQ4_XS: { bits: 8, read: readIQ4_XS },
  Q2_K: { bits: 4, read: readQ2_K },
  Q3_K: { bits: 5, read: readQ3_K },
  Q4_K: { bits: 4, read: readQ4_K },
  Q5_K: { bits: 5, read: readQ5_K },
  Q6_K: { bits: 8, read: readQ6_K },
};

/** How a block type becomes affine; undefined for a dense type. */
export function blockFormat(type: TensorType): BlockFormat | undefined {
  if (type.blockElements === 1) return undefined;
  const format = FORMATS[type.name];
  if (!format) throw new GgufError(`tensors of type ${type.name} cannot be converted`);
  return format;
}
