// GGUF's blocks of 32 weights to affine groups, bit for bit the same values. With d, m in f16 and q the codes:
// Q4_1, Q5_1: w = d q + m. Q4_0, Q5_0: w = d (q - 8) or d (q - 16). Q8_0: w = d q, q signed. IQ4_NL: w = d k[q].
// A bias of -8 d, -16 d or -128 d is exact in f16 unless it overflows, which is refused.
import { readF16 } from '../half.js';
import type { AffineGroups } from './affine-groups.js';
import { type BlockReader, eachBlock } from './block-reader.js';

export const readQ4_0: BlockReader = eachBlock(18, (source, at, out) => {
  readNibbles(source, at + 2, out.codes);
  putSymmetric(out, readF16(source, at), 3);
});

export const readQ4_1: BlockReader = eachBlock(20, (source, at, out) => {
  readNibbles(source, at + 4, out.codes);
  out.put(readF16(source, at), readF16(source, at + 2));
});

export const readQ5_0: BlockReader = eachBlock(22, (source, at, out) => {
  readNibbles(source, at + 6, out.codes);
  addFifthBits(source, at + 2, out.codes);
  putSymmetric(out, readF16(source, at), 4);
});

export const readQ5_1: BlockReader = eachBlock(24, (source, at, out) => {
  readNibbles(source, at + 8, out.codes);
  addFifthBits(source, at + 4, out.codes);
  out.put(readF16(source, at), readF16(source, at + 2));
});

export const readQ8_0: BlockReader = eachBlock(34, (source, at, out) => {
  // Adding 128 to a signed byte is flipping its top bit.
  for (let i = 0; i < 32; i++) out.codes[i] = (source[at + 2 + i] as number) ^ 0x80;
  putSymmetric(out, readF16(source, at), 7);
});

/** The sixteen levels of the IQ4 types, of which the format's reference has the table, plus 128. */
export const IQ4_LEVELS = Uint8Array.from(
  [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113],
  (level) => level + 128,
);

export const readIQ4_NL: BlockReader = eachBlock(18, (source, at, out) => {
  readNibbles(source, at + 2, out.codes);
  for (let i = 0; i < 32; i++) out.codes[i] = IQ4_LEVELS[out.codes[i] as number] as number;
  putSymmetric(out, readF16(source, at), 7);
});

/** Weights j and j + 16 of a block are the low and the high half of byte j. */
export function readNibbles(source: Uint8Array, from: number, codes: Uint8Array): void {
  for (let j = 0; j < 16; j++) {
    const byte = source[from + j] as number;
    codes[j] = byte & 0x0f;
    codes[j + 16] = byte >> 4;
  }
}

/** The fifth bit of weight j is bit j of four bytes. */
function addFifthBits(source: Uint8Array, from: number, codes: Uint8Array): void {
  for (let j = 0; j < 32; j++) {
    const bit = ((source[from + (j >> 3)] as number) >> (j & 7)) & 1;
    codes[j] = (codes[j] as number) | (bit << 4);
  }
}

/** A group whose codes count from 2 ** power. */
function putSymmetric(out: AffineGroups, scale: number, power: number): void {
  out.put(scale, negatedTimesPowerOfTwo(scale, power));
}

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
