// The arithmetic of quantized scales, on every f16 number there is.
import { describe, expect, it } from 'vitest';
import { affineFormat, negatedTimesPowerOfTwo } from '../../src/gguf/affine.js';
import { narrowToBf16, narrowToF16 } from '../../src/gguf/half.js';
import { TENSOR_TYPES, type TensorType } from '../../src/gguf/tensor-types.js';
import { f16Value } from './support/mlx-tensors.js';

const MAX_F16 = 65_504;
const everyF16 = Array.from({ length: 1 << 16 }, (_, bits) => bits);

describe('negatedTimesPowerOfTwo', () => {
  it.each([3, 7])('is exact for every f16 times 2 ** %i, and infinite past its range', (power) => {
    const wrong = everyF16.filter((bits) => {
      const exact = -(2 ** power) * f16Value(bits);
      const result = f16Value(negatedTimesPowerOfTwo(bits, power));
      if (Number.isNaN(exact)) return !Number.isNaN(result);
      return Math.abs(exact) > MAX_F16 ? Number.isFinite(result) : !Object.is(result, exact);
    });
    expect(wrong).toEqual([]);
  });
});

describe('affine formats', () => {
  const convert = (typeId: number, block: number[]) => {
    const format = affineFormat(TENSOR_TYPES[typeId] as TensorType);
    const out = {
      weight: new Uint8Array(format?.bits === 4 ? 16 : 32),
      scales: new Uint8Array(2),
      biases: new Uint8Array(2),
    };
    return { finite: format?.convert(Uint8Array.from(block), 1, out), ...out };
  };

  it('puts elements in MLX order', () => {
    // Elements 0..15 in the low halves, 16..31 in the high halves; element i holds i % 16.
    const packed = Array.from({ length: 16 }, (_, j) => j | (j << 4));
    const { weight, finite } = convert(3, [0, 0x3c, 0, 0x40, ...packed]);
    const ordered = [0x10, 0x32, 0x54, 0x76, 0x98, 0xba, 0xdc, 0xfe];
    expect([...weight]).toEqual([...ordered, ...ordered]);
    expect(finite).toBe(true);
  });

  it.each([
    ['Q4_1 with an infinite scale', 3, [0, 0x7c, 0, 0]],
    ['Q4_1 with a bias that is not a number', 3, [0, 0, 0, 0x7e]],
    ['Q4_0 whose bias overflows', 2, [0, 0x70]],
    ['Q8_0 whose bias overflows', 8, [0, 0x60]],
  ])('says that %s is not finite', (_, typeId, scales) => {
    const bytes = (TENSOR_TYPES[typeId] as TensorType).blockBytes;
    expect(convert(typeId, [...scales, ...new Array(bytes - scales.length).fill(0)]).finite).toBe(false);
  });
});

describe('narrowing', () => {
  const bytes = (...values: number[]): Uint8Array => new Uint8Array(Float32Array.from(values).buffer);
  const halves = (data: Uint8Array | undefined): number[] => [...new Uint16Array((data as Uint8Array).buffer)];

  it('keeps numbers that fit', () => {
    expect(halves(narrowToF16(bytes(1, -0.5, 0, MAX_F16, 2 ** -14)))).toEqual([0x3c00, 0xb800, 0, 0x7bff, 0x0400]);
    expect(halves(narrowToBf16(bytes(1, -2, 3e38 - (3e38 % 2 ** 121))))).toHaveLength(3);
  });

  it.each([1 / 3, 65_536, 2 ** -15, Number.POSITIVE_INFINITY, Number.NaN])('leaves %f alone', (value) => {
    expect(narrowToF16(bytes(1, value))).toBeUndefined();
  });

  it('leaves numbers with more bits than bf16 alone', () => {
    expect(narrowToBf16(bytes(1 + 2 ** -8))).toBeUndefined();
  });
});
