// Turns the tensors of a plan into those of an MLX folder, some rows at a time.
import { type AffineFormat, affineFormat, GROUP_SIZE } from './affine.js';
import type { ByteSource } from './byte-source.js';
import { GgufError } from './errors.js';
import { narrowToBf16, narrowToF16 } from './half.js';
import type { TensorPlan } from './llama-tensors.js';
import { DTYPE_BYTES, type SafetensorsDtype, type TensorSpec } from './safetensors-layout.js';

/** Some rows of a tensor of the MLX folder. */
export interface Piece {
  name: string;
  /** In bytes from the start of the tensor. */
  offset: number;
  data: Uint8Array;
}

export interface TensorConversion {
  readonly specs: readonly TensorSpec[];
  /** Bytes of the source, for progress. */
  readonly sourceBytes: number;
  pieces(): AsyncGenerator<Piece>;
}

/** How much of a file is read at once; a row or a head that is longer is read whole. */
const CHUNK_BYTES = 4 << 20;

/** The dtype in which MLX will compute: what matrices have, or the scales of quantized ones. */
export function computeDtype(plans: readonly TensorPlan[]): SafetensorsDtype {
  const matrices = plans.map((plan) => plan.source).filter(({ shape }) => shape.length > 1);
  if (matrices.some(({ type }) => type.blockElements > 1)) return 'F16';
  return (matrices[0]?.type.name ?? 'F32') as SafetensorsDtype;
}

export async function convertTensor(
  source: ByteSource,
  plan: TensorPlan,
  vectorDtype: SafetensorsDtype,
): Promise<TensorConversion> {
  const format = affineFormat(plan.source.type);
  if (format) return quantizedTensor(source, plan, format);
  const isVector = plan.source.shape.length === 1;
  const narrowed = isVector && (await narrowVector(source, plan, vectorDtype));
  return narrowed ? vectorTensor(plan, vectorDtype, narrowed) : denseTensor(source, plan);
}

/**
 * GGUF keeps every norm and bias in F32, whatever they were made in. Beside 16-bit matrices they would make MLX compute
 * in F32 on a GPU too, so they go back to 16 bits when no value changes.
 */
async function narrowVector(
  source: ByteSource,
  { source: tensor }: TensorPlan,
  dtype: SafetensorsDtype,
): Promise<Uint8Array | undefined> {
  if (tensor.type.name !== 'F32' || dtype === 'F32') return undefined;
  const bytes = await source.read(tensor.dataOffset, tensor.byteLength);
  return dtype === 'F16' ? narrowToF16(bytes) : narrowToBf16(bytes);
}

function vectorTensor(plan: TensorPlan, dtype: SafetensorsDtype, bytes: Uint8Array): TensorConversion {
  const { source: tensor, target: name, headRows } = plan;
  return {
    specs: [{ name, dtype, shape: tensor.shape }],
    sourceBytes: tensor.byteLength,
    async *pieces() {
      yield { name, offset: 0, data: restoreHeads(bytes, DTYPE_BYTES[dtype], headRows) };
    },
  };
}

function denseTensor(source: ByteSource, plan: TensorPlan): TensorConversion {
  const { source: tensor, target: name, headRows } = plan;
  const dtype = tensor.type.name as SafetensorsDtype;
  const rowBytes = tensor.byteLength / (tensor.shape[0] as number);
  return {
    specs: [{ name, dtype, shape: tensor.shape }],
    sourceBytes: tensor.byteLength,
    async *pieces() {
      for await (const { row, bytes } of readRows(source, plan)) {
        yield { name, offset: row * rowBytes, data: restoreHeads(bytes, rowBytes, headRows) };
      }
    },
  };
}

function quantizedTensor(source: ByteSource, plan: TensorPlan, format: AffineFormat): TensorConversion {
  const { source: tensor, target, headRows } = plan;
  const [rows, columns] = tensor.shape;
  if (!target.endsWith('.weight') || rows === undefined || columns === undefined) {
    throw new GgufError(`the tensor ${tensor.name} is a quantized vector, which MLX does not have`, tensor.entryOffset);
  }
  const path = target.slice(0, -'.weight'.length);
  const groups = columns / GROUP_SIZE;
  const weightRowBytes = (columns * format.bits) / 8;
  return {
    specs: [
      { name: target, dtype: 'U32', shape: [rows, weightRowBytes / 4] },
      { name: `${path}.scales`, dtype: 'F16', shape: [rows, groups] },
      { name: `${path}.biases`, dtype: 'F16', shape: [rows, groups] },
    ],
    sourceBytes: tensor.byteLength,
    async *pieces() {
      for await (const { row, count, bytes } of readRows(source, plan)) {
        const part = (name: string, rowBytes: number) => ({ name, rowBytes, data: new Uint8Array(count * rowBytes) });
        const weight = part(target, weightRowBytes);
        const scales = part(`${path}.scales`, 2 * groups);
        const biases = part(`${path}.biases`, 2 * groups);
        const out = { weight: weight.data, scales: scales.data, biases: biases.data };
        if (!format.convert(bytes, count * groups, out)) throw scaleError(plan, row);
        for (const { name, rowBytes, data } of [weight, scales, biases]) {
          yield { name, offset: row * rowBytes, data: restoreHeads(data, rowBytes, headRows) };
        }
      }
    },
  };
}

const scaleError = ({ source: tensor }: TensorPlan, row: number): GgufError =>
  new GgufError(
    `the tensor ${tensor.name} has a scale that is not finite, or whose bias is not, in 16 bits, in rows from ${row} on`,
    tensor.dataOffset + (row * tensor.byteLength) / (tensor.shape[0] as number),
  );

/** The rows of a tensor in chunks of whole heads. */
async function* readRows(
  source: ByteSource,
  { source: tensor, headRows = 1 }: TensorPlan,
): AsyncGenerator<{ row: number; count: number; bytes: Uint8Array }> {
  const rows = tensor.shape[0] as number;
  const rowBytes = tensor.byteLength / rows;
  const step = headRows * Math.max(1, Math.floor(CHUNK_BYTES / (rowBytes * headRows)));
  for (let row = 0; row < rows; row += step) {
    const count = Math.min(step, rows - row);
    yield { row, count, bytes: await source.read(tensor.dataOffset + row * rowBytes, count * rowBytes) };
  }
}

/** Undoes llama.cpp's order of the rows of a head, x0 y0 x1 y1 ... -> x0 x1 ... y0 y1 ...; all other rows stay. */
function restoreHeads(rows: Uint8Array, rowBytes: number, headRows: number | undefined): Uint8Array {
  if (headRows === undefined) return rows;
  const restored = new Uint8Array(rows.length);
  const half = headRows / 2;
  for (let row = 0; row < rows.length / rowBytes; row++) {
    const inHead = row % headRows;
    const target = row - inHead + (inHead % 2) * half + (inHead >> 1);
    restored.set(rows.subarray(row * rowBytes, (row + 1) * rowBytes), target * rowBytes);
  }
  return restored;
}
