// Reads back what an import wrote, by the rules of safetensors and of MLX's affine quantization.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface StoredTensor {
  dtype: string;
  shape: number[];
  data: Buffer;
}

export function readSafetensors(folder: string): Map<string, StoredTensor> {
  const file = readFileSync(join(folder, 'model.safetensors'));
  const headerBytes = Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.subarray(8, 8 + headerBytes).toString()) as Record<
    string,
    { dtype: string; shape: number[]; data_offsets: [number, number] }
  >;
  const tensors = new Map<string, StoredTensor>();
  for (const [name, { dtype, shape, data_offsets: span }] of Object.entries(header)) {
    if (name === '__metadata__') continue;
    const data = file.subarray(8 + headerBytes + span[0], 8 + headerBytes + span[1]);
    tensors.set(name, { dtype, shape, data });
  }
  return tensors;
}

/** The values of a weight, whatever its form, as float32. */
export function floatsOf(tensors: Map<string, StoredTensor>, name: string): Float32Array {
  const tensor = tensors.get(name) as StoredTensor;
  if (tensor.dtype !== 'U32') return dense(tensor);
  const path = name.replace(/\.weight$/, '');
  const part = (suffix: string) => (tensors.get(`${path}.${suffix}`) as StoredTensor).data;
  const scales = part('scales');
  return affineWeights((8 * tensor.data.length) / (16 * scales.length), tensor.data, scales, part('biases'));
}

/** Groups of 32 codes of `bits` bits, end to end from the lowest bit of the first byte on; scales and biases in f16. */
export function affineWeights(bits: number, codes: Buffer, scales: Buffer, biases: Buffer): Float32Array {
  const bitAt = (i: number): number => ((codes[i >> 3] as number) >> (i & 7)) & 1;
  return Float32Array.from({ length: (8 * codes.length) / bits }, (_, i) => {
    let code = 0;
    for (let bit = 0; bit < bits; bit++) code |= bitAt(i * bits + bit) << bit;
    const at = 2 * Math.floor(i / 32);
    return code * f16Value(scales.readUInt16LE(at)) + f16Value(biases.readUInt16LE(at));
  });
}

function dense({ dtype, data }: StoredTensor): Float32Array {
  if (dtype === 'F32') return Float32Array.from({ length: data.length / 4 }, (_, i) => data.readFloatLE(4 * i));
  const half = dtype === 'F16' ? f16Value : bf16Value;
  return Float32Array.from({ length: data.length / 2 }, (_, i) => half(data.readUInt16LE(2 * i)));
}

export function f16Value(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const mantissa = bits & 0x3ff;
  if (exponent === 0x1f) return mantissa ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return exponent === 0 ? sign * mantissa * 2 ** -24 : sign * (1 + mantissa / 1024) * 2 ** (exponent - 15);
}

function bf16Value(bits: number): number {
  const word = Buffer.alloc(4);
  word.writeUInt16LE(bits, 2);
  return word.readFloatLE();
}
