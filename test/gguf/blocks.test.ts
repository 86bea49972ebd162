// Every quantized type against what the gguf Python package makes of the same blocks.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { AffineGroups } from '../../src/gguf/blocks/affine-groups.js';
import { blockFormat } from '../../src/gguf/blocks/formats.js';
import { TENSOR_TYPES, type TensorType } from '../../src/gguf/tensor-types.js';
import { affineWeights } from './support/mlx-tensors.js';

interface Fixture {
  type: string;
  typeId: number;
  kind: 'random' | 'normal';
  blocks: string;
  weights: string;
}

const fixtures = JSON.parse(
  readFileSync(new URL('../fixtures/gguf/blocks.json', import.meta.url), 'utf8'),
) as Fixture[];

const EXACT = ['Q4_0', 'Q4_1', 'Q5_0', 'Q5_1', 'Q8_0', 'IQ4_NL'];

/** What may be lost of normally distributed weights, relative to their root mean square: docs/decisions/0005. */
const LOSS: Record<string, number> = {
  Q2_K: 0.1,
  Q3_K: 0.06,
  Q4_K: 1e-3,
  Q5_K: 1e-3,
  Q6_K: 0.008,
  IQ4_XS: 1e-3,
};

function convert(typeId: number, blocks: Uint8Array): AffineGroups {
  const type = TENSOR_TYPES[typeId] as TensorType;
  const format = blockFormat(type);
  if (!format) throw new Error(`${type.name} is dense`);
  const count = blocks.length / type.blockBytes;
  const out = new AffineGroups(format.bits, (count * type.blockElements) / 32);
  format.read(blocks, count, out);
  return out;
}

const floats = (base64: string): Float32Array =>
  new Float32Array(Uint8Array.from(Buffer.from(base64, 'base64')).buffer);

const values = (out: AffineGroups): Float32Array =>
  affineWeights(out.bits, Buffer.from(out.weight), Buffer.from(out.scales), Buffer.from(out.biases));

describe.each(fixtures)('$type, $kind', ({ type, typeId, kind, blocks, weights }) => {
  const out = convert(typeId, Buffer.from(blocks, 'base64'));
  const stored = values(out);
  const expected = floats(weights);
  const error = Math.hypot(...stored.map((value, i) => value - (expected[i] as number)));
  const norm = Math.hypot(...expected);

  it('has the values that the gguf package dequantizes', () => {
    expect(out.finite).toBe(true);
    if (EXACT.includes(type)) {
      // Adding 0 makes -0 into 0.
      expect([...stored].map((value) => value + 0)).toEqual([...expected].map((value) => value + 0));
      expect(out.rounding).toEqual({ squaredError: 0, squaredNorm: 0 });
    } else if (kind === 'normal') {
      expect(error / norm).toBeLessThan(LOSS[type] as number);
    }
  });

  it('tells what it lost', () => {
    if (EXACT.includes(type)) return;
    expect(Math.sqrt(out.rounding.squaredNorm)).toBeCloseTo(norm, 5);
    expect(Math.sqrt(out.rounding.squaredError) / error).toBeCloseTo(1, 2);
  });

  it('rounds each weight by half a step at the most', () => {
    const step = (i: number) => 1.02 * Math.abs(stepOf(out, i >> 5)) + Math.abs(expected[i] as number) * 2 ** -10;
    const wrong = [...stored].filter((value, i) => Math.abs(value - (expected[i] as number)) > step(i) / 2);
    expect(wrong).toEqual([]);
  });
});

function stepOf(out: AffineGroups, group: number): number {
  const zeros = new AffineGroups(8, 1);
  zeros.codes[1] = 1;
  zeros.put(Buffer.from(out.scales).readUInt16LE(2 * group), 0);
  return values(zeros)[1] as number;
}

describe('blocks', () => {
  it('are written in the order of MLX', () => {
    // Q4_1 of scale 1 and bias 2. Elements 0..15 in the low halves, 16..31 in the high halves; element i holds i % 16.
    const packed = Array.from({ length: 16 }, (_, j) => j | (j << 4));
    const { weight, finite } = convert(3, Uint8Array.from([0, 0x3c, 0, 0x40, ...packed]));
    const ordered = [0x10, 0x32, 0x54, 0x76, 0x98, 0xba, 0xdc, 0xfe];
    expect([...weight]).toEqual([...ordered, ...ordered]);
    expect(finite).toBe(true);
  });

  it.each([
    ['Q4_1 with an infinite scale', 3, { 1: 0x7c }],
    ['Q4_1 with a bias that is not a number', 3, { 3: 0x7e }],
    ['Q4_0 whose bias overflows', 2, { 1: 0x70 }],
    ['Q5_0 whose bias overflows', 6, { 1: 0x6c }],
    ['Q8_0 whose bias overflows', 8, { 1: 0x60 }],
    ['IQ4_NL whose bias overflows', 20, { 1: 0x60 }],
    ['Q4_K whose scale overflows', 12, { 1: 0x7b, 4: 0x3f }],
    ['Q6_K with an infinite scale', 14, { 192: 1, 209: 0x7c }],
    ['Q6_K with a scale that is no number', 14, { 192: 1, 209: 0x7e }],
    ['Q2_K whose bias overflows', 10, { 0: 0xf0, 83: 0x7b }],
  ])('say that a group is not finite: %s', (_, typeId, bytes: Record<number, number>) => {
    const block = new Uint8Array((TENSOR_TYPES[typeId] as TensorType).blockBytes);
    for (const [at, byte] of Object.entries(bytes)) block[Number(at)] = byte;
    expect(convert(typeId, block).finite).toBe(false);
  });

  it('of zeros are zeros', () => {
    for (const [id, type] of Object.entries(TENSOR_TYPES)) {
      if (type.blockElements === 1) continue;
      const stored = values(convert(Number(id), new Uint8Array(type.blockBytes)));
      expect(
        [...stored].every((value) => value === 0),
        type.name,
      ).toBe(true);
    }
  });
});
