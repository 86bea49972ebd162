// Quantized blocks of GGUF to MLX's affine form, bit for bit the same values: w = scale * q + bias, group size 32.
// Q4_1 holds d, m and 4-bit q: scale d, bias m. Q4_0: scale d, bias -8 d. Q8_0: scale d, bias -128 d, q + 128.
// Times a power of two is exact in f16 unless it overflows, which is refused.
import { GgufError } from './errors.js';
import type { TensorType } from './tensor-types.js';

export interface AffineFormat {
  bits: 4 | 8;
  /** Blocks of 32 weights at `source` in, one affine group each out. Returns false when a scale is not finite in f16. */
  convert(source: Uint8Array, blocks: number, out: AffineGroups): boolean;
}

export interface AffineGroups {
  /** `bits / 8 * 32` bytes a group: MLX's uint32 words, little-endian, element i of a word in bits `i * bits` and up. */
  weight: Uint8Array;
  /** One little-endian f16 a group, as is `biases`. */
  scales: Uint8Array;
  biases: Uint8Array;
}

export const GROUP_SIZE = 32;

const FORMATS: Record<string, AffineFormat> = {
  Q4_0: { bits: 4, convert: (source, blocks, out) => convertQ4(source, blocks, out, 18) },
  Q4_1: { bits: 4, convert: (source, blocks, out) => convertQ4(source, blocks, out, 20) },
  Q8_0: { bits: 8, convert: convertQ8 },
};

/** How a block type becomes affine; undefined for a dense type. */
export function affineFormat(type: TensorType): AffineFormat | undefined {
  if (type.blockElements === 1) return undefined;
  const format = FORMATS[type.name];
  if (!format) throw new GgufError(`tensors of type ${type.name} cannot be converted`);
  return format;
}

function convertQ4(source: Uint8Array, blocks: number, out: AffineGroups, blockBytes: number): boolean {
  let finite = true;
  for (let block = 0; block < blocks; block++) {
    const start = block * blockBytes;
    const scale = readF16(source, start);
    const bias = blockBytes === 20 ? readF16(source, start + 2) : negatedTimesPowerOfTwo(scale, 3);
    finite &&= isFinite16(scale) && isFinite16(bias);
    writeF16(out.scales, 2 * block, scale);
    writeF16(out.biases, 2 * block, bias);
    repackNibbles(source, start + blockBytes - 16, out.weight, 16 * block);
  }
  return finite;
}

/** GGUF keeps elements j and j + 16 of a block in the low and the high half of byte j; MLX 2 j and 2 j + 1. */
function repackNibbles(source: Uint8Array, from: number, target: Uint8Array, to: number): void {
  for (let j = 0; j < 8; j++) {
    const even = source[from + 2 * j] as number;
    const odd = source[from + 2 * j + 1] as number;
    target[to + j] = (even & 0x0f) | ((odd & 0x0f) << 4);
    target[to + 8 + j] = (even >> 4) | (odd & 0xf0);
  }
}

function convertQ8(source: Uint8Array, blocks: number, out: AffineGroups): boolean {
  let finite = true;
  for (let block = 0; block < blocks; block++) {
    const start = block * 34;
    const scale = readF16(source, start);
    const bias = negatedTimesPowerOfTwo(scale, 7);
    finite &&= isFinite16(scale) && isFinite16(bias);
    writeF16(out.scales, 2 * block, scale);
    writeF16(out.biases, 2 * block, bias);
    // Adding 128 to a signed byte is flipping its top bit.
    for (let i = 0; i < 32; i++) out.weight[32 * block + i] = (source[start + 2 + i] as number) ^ 0x80;
  }
  return finite;
}

const readF16 = (bytes: Uint8Array, at: number): number => (bytes[at] as number) | ((bytes[at + 1] as number) << 8);

function writeF16(bytes: Uint8Array, at: number, half: number): void {
  bytes[at] = half & 0xff;
  bytes[at + 1] = half >> 8;
}

const isFinite16 = (half: number): boolean => (half & 0x7c00) !== 0x7c00;

/** -(2 ** power) * half, exact; infinite when it is past f16's range. All in the bits of f16. */
export function negatedTimesPowerOfTwo(half: number, power: number): number {
  const sign = (half & 0x8000) ^ 0x8000;
  let exponent = (half >> 10) & 0x1f;
  let mantissa = half & 0x3ff;
  if (exponent === 0x1f) return half ^ 0x8000;
  if (exponent > 0) {
    exponent += power;
  } else {
    // Subnormal: the value is mantissa * 2 ** -24, and from 0x400 on the exponent begins to count.
    mantissa <<= power;
    if (mantissa < 0x400) return sign | mantissa;
    for (exponent = 1; mantissa >= 0x800; exponent++) mantissa >>= 1;
    mantissa &= 0x3ff;
  }
  return exponent >= 0x1f ? sign | 0x7c00 : sign | (exponent << 10) | mantissa;
}
