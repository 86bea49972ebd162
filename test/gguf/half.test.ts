// The arithmetic of 16-bit numbers, on every f16 there is.
import { describe, expect, it } from 'vitest';
import { negatedTimesPowerOfTwo } from '../../src/gguf/blocks/classic.js';
import { F16_VALUES, narrowToBf16, narrowToF16, roundToF16 } from '../../src/gguf/half.js';
import { f16Value } from './support/mlx-tensors.js';

const MAX_F16 = 65_504;
const everyF16 = Array.from({ length: 1 << 16 }, (_, bits) => bits);

describe('negatedTimesPowerOfTwo', () => {
  it.each([3, 4, 7])('is exact for every f16 times 2 ** %i, and infinite past its range', (power) => {
    const wrong = everyF16.filter((bits) => {
      const exact = -(2 ** power) * f16Value(bits);
      const result = f16Value(negatedTimesPowerOfTwo(bits, power));
      if (Number.isNaN(exact)) return !Number.isNaN(result);
      return Math.abs(exact) > MAX_F16 ? Number.isFinite(result) : !Object.is(result, exact);
    });
    expect(wrong).toEqual([]);
  });
});

describe('roundToF16', () => {
  it('gives back every f16', () => {
    const wrong = everyF16.filter((bits) => !Number.isNaN(f16Value(bits)) && roundToF16(f16Value(bits)) !== bits);
    expect(wrong).toEqual([]);
    expect(everyF16.every((bits) => Object.is(F16_VALUES[bits], f16Value(bits)))).toBe(true);
  });

  it('takes the nearest, and of two the even one', () => {
    // Between each finite f16 and the next: a bit under, on and a bit over the middle.
    const finite = everyF16.slice(0, 0x7bff);
    const wrong = finite.filter((bits) => {
      const middle = (f16Value(bits) + f16Value(bits + 1)) / 2;
      const even = bits % 2 === 0 ? bits : bits + 1;
      const near = [middle * (1 - 2 ** -20), middle, middle * (1 + 2 ** -20)].map(roundToF16);
      return near.join() !== [bits, even, bits + 1].join();
    });
    expect(wrong).toEqual([]);
  });

  it.each([
    [65_519, 0x7bff],
    [65_520, 0x7c00],
    [-1e9, 0xfc00],
    [Number.POSITIVE_INFINITY, 0x7c00],
    [Number.NaN, 0x7e00],
    [2 ** -25, 0],
    [-(2 ** -26), 0x8000],
  ])('of %f is %i', (value, bits) => {
    expect(roundToF16(value)).toBe(bits);
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
