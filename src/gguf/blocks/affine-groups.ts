// MLX's affine quantization: groups of 32 weights, w = scale * code + bias, written as MLX lays them out.
import { F16_VALUES, isFinite16, roundToF16 } from '../half.js';

export const GROUP_SIZE = 32;

export type Bits = 4 | 5 | 8;

/** How far stored weights are from the file's. */
export interface Rounding {
  /** Sums over the weights: of (stored - source) squared, and of source squared. */
  squaredError: number;
  squaredNorm: number;
}

/** The groups of some rows, filled one after the other. */
export class AffineGroups {
  /** `4 * bits` bytes a group: codes end to end, the first in the lowest bits. */
  readonly weight: Uint8Array;
  /** One little-endian f16 a group, as is `biases`. */
  readonly scales: Uint8Array;
  readonly biases: Uint8Array;
  /** Codes of the group that `put` and `putRounded` write next. */
  readonly codes = new Uint8Array(GROUP_SIZE);
  readonly rounding: Rounding = { squaredError: 0, squaredNorm: 0 };
  /** False when a scale or bias is infinite or no number in f16. */
  finite = true;
  private groups = 0;

  constructor(
    readonly bits: Bits,
    groups: number,
  ) {
    this.weight = new Uint8Array(4 * bits * groups);
    this.scales = new Uint8Array(2 * groups);
    this.biases = new Uint8Array(2 * groups);
  }

  /** Ends a group whose scale and bias are these f16 bits. */
  put(scale: number, bias: number): void {
    const at = 2 * this.groups;
    this.scales[at] = scale & 0xff;
    this.scales[at + 1] = scale >> 8;
    this.biases[at] = bias & 0xff;
    this.biases[at + 1] = bias >> 8;
    this.finite &&= isFinite16(scale) && isFinite16(bias);
    this.pack(4 * this.bits * this.groups);
    this.groups++;
  }

  /** Ends a group whose scale and bias are numbers that f16 may not have: rounds them, and keeps account of it. */
  putRounded(scale: number, bias: number): void {
    const scale16 = roundToF16(scale);
    const bias16 = roundToF16(bias);
    const { codes, rounding } = this;
    let sum = 0;
    let squares = 0;
    for (let i = 0; i < GROUP_SIZE; i++) {
      const code = codes[i] as number;
      sum += code;
      squares += code * code;
    }
    const scaleError = (F16_VALUES[scale16] as number) - scale;
    const biasError = (F16_VALUES[bias16] as number) - bias;
    rounding.squaredError += squaredSum(scaleError, biasError, sum, squares);
    rounding.squaredNorm += squaredSum(scale, bias, sum, squares);
    this.put(scale16, bias16);
  }

  /** Quantizes 32 weights from `start` on: the least and the greatest of them are the ends of the scale. */
  putWeights(weights: Float32Array, start: number): void {
    const { codes, rounding } = this;
    let least = Number.POSITIVE_INFINITY;
    let greatest = Number.NEGATIVE_INFINITY;
    for (let i = start; i < start + GROUP_SIZE; i++) {
      const weight = weights[i] as number;
      if (weight < least) least = weight;
      if (weight > greatest) greatest = weight;
    }
    const top = 2 ** this.bits - 1;
    const scale16 = roundToF16((greatest - least) / top);
    const bias16 = roundToF16(least);
    const scale = F16_VALUES[scale16] as number;
    const bias = F16_VALUES[bias16] as number;
    const inverse = scale === 0 ? 0 : 1 / scale;
    for (let i = 0; i < GROUP_SIZE; i++) {
      const weight = weights[start + i] as number;
      const code = Math.min(top, Math.max(0, Math.floor((weight - bias) * inverse + 0.5)));
      const error = scale * code + bias - weight;
      rounding.squaredError += error * error;
      rounding.squaredNorm += weight * weight;
      codes[i] = code;
    }
    this.put(scale16, bias16);
  }

  private pack(to: number): void {
    const { codes, weight } = this;
    if (this.bits === 8) weight.set(codes, to);
    else if (this.bits === 4) packNibbles(codes, weight, to);
    else packFives(codes, weight, to);
  }
}

/** The sum over a group of (a * code + b) squared. */
const squaredSum = (a: number, b: number, sum: number, squares: number): number =>
  a * a * squares + 2 * a * b * sum + GROUP_SIZE * b * b;

function packNibbles(codes: Uint8Array, out: Uint8Array, to: number): void {
  for (let i = 0; i < GROUP_SIZE / 2; i++) {
    out[to + i] = (codes[2 * i] as number) | ((codes[2 * i + 1] as number) << 4);
  }
}

function packFives(codes: Uint8Array, out: Uint8Array, to: number): void {
  let bits = 0;
  let held = 0;
  let at = to;
  for (let i = 0; i < GROUP_SIZE; i++) {
    bits |= (codes[i] as number) << held;
    held += 5;
    if (held < 8) continue;
    out[at++] = bits & 0xff;
    bits >>= 8;
    held -= 8;
  }
}
