// GGUF's super-blocks of 256 weights ("k-quants", and IQ4_XS) to affine groups. Sub-blocks have integer scales of 4 to 8
// bits under one or two f16. Where a sub-block has 32 weights it is an affine group but for the rounding of its scale
// and bias to f16; sub-blocks of 16 are dequantized, and quantized anew two at a time.
import { F16_VALUES, readF16 } from '../half.js';
import type { AffineGroups } from './affine-groups.js';
import { type BlockReader, eachBlock } from './block-reader.js';
import { IQ4_LEVELS, readNibbles } from './classic.js';

const SIZE = 256;
const weights = new Float32Array(SIZE);

const f16 = (source: Uint8Array, at: number): number => F16_VALUES[readF16(source, at)] as number;

/** d, dmin, eight pairs of 6-bit scale and minimum in 12 bytes, 128 bytes of codes. */
export const readQ4_K: BlockReader = eachBlock(144, (source, at, out) => {
  for (let sub = 0; sub < 8; sub++) {
    readHalves(source, at + 16 + 32 * (sub >> 1), 4 * (sub & 1), out.codes);
    putScaled(source, at, sub, out);
  }
});

/** As Q4_K, with 32 bytes of fifth bits before the codes: bit s of byte i belongs to weight i of sub-block s. */
export const readQ5_K: BlockReader = eachBlock(176, (source, at, out) => {
  for (let sub = 0; sub < 8; sub++) {
    readHalves(source, at + 48 + 32 * (sub >> 1), 4 * (sub & 1), out.codes);
    for (let i = 0; i < 32; i++) {
      const bit = ((source[at + 16 + i] as number) >> sub) & 1;
      out.codes[i] = (out.codes[i] as number) | (bit << 4);
    }
    putScaled(source, at, sub, out);
  }
});

/** Half bytes, the low (shift 0) or the high ones (shift 4), of 32 bytes. */
function readHalves(source: Uint8Array, from: number, shift: number, codes: Uint8Array): void {
  for (let i = 0; i < 32; i++) codes[i] = ((source[from + i] as number) >> shift) & 0x0f;
}

/** w = d * scale * q - dmin * minimum, of sub-block `sub`. The last four have their upper two bits in the first eight bytes. */
function putScaled(source: Uint8Array, at: number, sub: number, out: AffineGroups): void {
  const first = source[at + 4 + sub] as number;
  const second = source[at + 8 + sub] as number;
  let scale = first & 0x3f;
  let minimum = second & 0x3f;
  if (sub >= 4) {
    scale = (second & 0x0f) | (((source[at + sub] as number) >> 2) & 0x30);
    minimum = (second >> 4) | ((first >> 2) & 0x30);
  }
  out.putRounded(f16(source, at) * scale, -f16(source, at + 2) * minimum);
}

/** d, the high two bits of eight 6-bit scales, their low four, 128 bytes of codes. */
export const readIQ4_XS: BlockReader = eachBlock(136, (source, at, out) => {
  const high = readF16(source, at + 2);
  for (let sub = 0; sub < 8; sub++) {
    const low = ((source[at + 4 + (sub >> 1)] as number) >> (4 * (sub & 1))) & 0x0f;
    const scale = f16(source, at) * ((low | (((high >> (2 * sub)) & 3) << 4)) - 32);
    readNibbles(source, at + 8 + 16 * sub, out.codes);
    for (let i = 0; i < 32; i++) out.codes[i] = IQ4_LEVELS[out.codes[i] as number] as number;
    out.putRounded(scale, -128 * scale);
  }
});

/** Sixteen bytes of a 4-bit scale and minimum, 64 bytes of 2-bit codes, d, dmin: w = d * scale * q - dmin * minimum. */
export const readQ2_K: BlockReader = eachBlock(84, (source, at, out) => {
  for (let sub = 0; sub < 16; sub++) {
    const scale = f16(source, at + 80) * ((source[at + sub] as number) & 0x0f);
    const minimum = f16(source, at + 82) * ((source[at + sub] as number) >> 4);
    const codes = at + 16 + pairBytes(sub);
    for (let i = 0; i < 16; i++) {
      weights[16 * sub + i] = scale * (((source[codes + i] as number) >> pairShift(sub)) & 3) - minimum;
    }
  }
  putAll(out);
});

/** 32 bytes of third bits, 64 of the lower two, twelve of 6-bit scales, d: w = d * (scale - 32) * (q - 4). */
export const readQ3_K: BlockReader = eachBlock(110, (source, at, out) => {
  for (let sub = 0; sub < 16; sub++) {
    const scale = f16(source, at + 108) * (sixBitScale(source, at + 96, sub) - 32);
    const lows = at + 32 + pairBytes(sub);
    const highs = at + 16 * (sub & 1);
    for (let i = 0; i < 16; i++) {
      const low = ((source[lows + i] as number) >> pairShift(sub)) & 3;
      const high = ((source[highs + i] as number) >> (sub >> 1)) & 1;
      weights[16 * sub + i] = scale * (low + 4 * high - 4);
    }
  }
  putAll(out);
});

/** Scale `sub` of sixteen: eight bytes hold the low halves, four bytes the two bits above. */
function sixBitScale(source: Uint8Array, at: number, sub: number): number {
  const low = ((source[at + (sub & 7)] as number) >> (4 * (sub >> 3))) & 0x0f;
  const high = ((source[at + 8 + (sub & 3)] as number) >> (2 * (sub >> 2))) & 3;
  return low | (high << 4);
}

/** 128 bytes of the lower four bits, 64 of the upper two, sixteen signed scales, d: w = d * scale * (q - 32). */
export const readQ6_K: BlockReader = eachBlock(210, (source, at, out) => {
  for (let sub = 0; sub < 16; sub++) {
    const scale = f16(source, at + 208) * (((source[at + 192 + sub] as number) << 24) >> 24);
    const lows = at + 64 * (sub >> 3) + 16 * (sub & 3);
    const highs = at + 128 + pairBytes(sub);
    for (let i = 0; i < 16; i++) {
      const low = ((source[lows + i] as number) >> (sub & 4)) & 0x0f;
      const high = ((source[highs + i] as number) >> pairShift(sub)) & 3;
      weights[16 * sub + i] = scale * ((low | (high << 4)) - 32);
    }
  }
  putAll(out);
});

/** Where pairs of bits of a sub-block are: 32 bytes hold eight sub-blocks, two of them in each pair of bits. */
const pairBytes = (sub: number): number => 32 * (sub >> 3) + 16 * (sub & 1);
const pairShift = (sub: number): number => sub & 6;

function putAll(out: AffineGroups): void {
  for (let start = 0; start < SIZE; start += 32) out.putWeights(weights, start);
}
