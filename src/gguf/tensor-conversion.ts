// Turns the tensors of a plan into those of an MLX folder, some rows at a time.
import { AffineGroups, GROUP_SIZE, type Rounding } from './blocks/affine-groups.js';
import { type BlockFormat, blockFormat } from './blocks/formats.js';
import type { ByteSource } from './byte-source.js';
import { GgufError } from './errors.js';
import { narrowToBf16, narrowToF16 } from './half.js';
import { DTYPE_BYTES, type SafetensorsDtype, type TensorSpec } from './safetensors-layout.js';
import type { TensorPlan } from './tensor-plan.js';

/** Some rows of a tensor of the MLX folder. */
export interface Piece {
  name: string;
  /** In bytes from the start of the tensor. */
  offset: number;
  data: Uint8Array;
  /** Bytes of the source that are done with this piece, for progress. */
  sourceBytes: number;
}

export interface TensorConversion {
  readonly specs: readonly TensorSpec[];
  readonly sourceBytes: number;
  readonly sourceType: string;
  /** Of a stored weight. */
  readonly bits: number;
  /** What stored weights lost against the source's, once all pieces are taken. */
  readonly rounding: Readonly<Rounding>;
  pieces(): AsyncGenerator<Piece>;
}

const LOSSLESS: Rounding = { squaredError: 0, squaredNorm: 0 };

/** How much of a file is read at once, some milliseconds of work; a row or a head that is longer is read whole. */
const CHUNK_BYTES = 1 << 20;

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
  const format = blockFormat(plan.source.type);
  if (format) return quantizedTensor(source, plan, format);
  if (plan.lessOne) return await shiftedVector(source, plan);
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

/** Stays F32, so that MLX computes in it: the activations of these models do not fit f16. */
async function shiftedVector(source: ByteSource, plan: TensorPlan): Promise<TensorConversion> {
  const { source: tensor } = plan;
  if (tensor.type.name !== 'F32') {
    throw new GgufError(`the tensor ${tensor.name} is of type ${tensor.type.name}; it must be F32`, tensor.entryOffset);
  }
  const bytes = await source.read(tensor.dataOffset, tensor.byteLength);
  const input = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const output = new DataView(new ArrayBuffer(bytes.byteLength));
  for (let at = 0; at < bytes.byteLength; at += 4) output.setFloat32(at, input.getFloat32(at, true) - 1, true);
  return vectorTensor(plan, 'F32', new Uint8Array(output.buffer));
}

function vectorTensor(plan: TensorPlan, dtype: SafetensorsDtype, bytes: Uint8Array): TensorConversion {
  const { source: tensor, target: name, headRows } = plan;
  return {
    specs: [{ name, dtype, shape: tensor.shape }],
    sourceBytes: tensor.byteLength,
    sourceType: tensor.type.name,
    bits: 8 * DTYPE_BYTES[dtype],
    rounding: LOSSLESS,
    async *pieces() {
      const data = restoreHeads(bytes, DTYPE_BYTES[dtype], headRows);
      yield { name, offset: 0, data, sourceBytes: tensor.byteLength };
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
    sourceType: tensor.type.name,
    bits: 8 * DTYPE_BYTES[dtype],
    rounding: LOSSLESS,
    async *pieces() {
      for await (const { row, bytes } of readRows(source, plan)) {
        const data = restoreHeads(bytes, rowBytes, headRows);
        yield { name, offset: row * rowBytes, data, sourceBytes: bytes.length };
      }
    },
  };
}

function quantizedTensor(source: ByteSource, plan: TensorPlan, { bits, read }: BlockFormat): TensorConversion {
  const { source: tensor, target, headRows } = plan;
  const [rows, columns] = tensor.shape;
  if (!target.endsWith('.weight') || rows === undefined || columns === undefined) {
    throw new GgufError(`the tensor ${tensor.name} is a quantized vector, which MLX does not have`, tensor.entryOffset);
  }
  const path = target.slice(0, -'.weight'.length);
  const groups = columns / GROUP_SIZE;
  const rounding: Rounding = { squaredError: 0, squaredNorm: 0 };
  return {
    specs: [
      { name: target, dtype: 'U32', shape: [rows, bits * groups] },
      { name: `${path}.scales`, dtype: 'F16', shape: [rows, groups] },
      { name: `${path}.biases`, dtype: 'F16', shape: [rows, groups] },
    ],
    sourceBytes: tensor.byteLength,
    sourceType: tensor.type.name,
    bits,
    rounding,
    async *pieces() {
      for await (const { row, count, bytes } of readRows(source, plan)) {
        const out = new AffineGroups(bits, count * groups);
        read(bytes, (count * columns) / tensor.type.blockElements, out);
        if (!out.finite) throw scaleError(plan, row);
        rounding.squaredError += out.rounding.squaredError;
        rounding.squaredNorm += out.rounding.squaredNorm;
        const part = (name: string, data: Uint8Array, sourceBytes = 0): Piece => {
          const rowBytes = data.length / count;
          return { name, offset: row * rowBytes, data: restoreHeads(data, rowBytes, headRows), sourceBytes };
        };
        yield part(`${path}.scales`, out.scales);
        yield part(`${path}.biases`, out.biases);
        yield part(target, out.weight, bytes.length);
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
