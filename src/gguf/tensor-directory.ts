// The tensor section of a GGUF header: names, shapes, types and where the bytes are, each checked against the file.
import type { Cursor } from './cursor.js';
import { GgufError } from './errors.js';
import { SUPPORTED_TYPES, TENSOR_TYPES, type TensorType, typeName } from './tensor-types.js';

export interface TensorInfo {
  name: string;
  /** Rows first, as MLX and PyTorch write it; the file has it the other way round. */
  shape: readonly number[];
  type: TensorType;
  /** Where the data starts in the file. */
  dataOffset: number;
  byteLength: number;
  /** Where the entry is in the header, for errors. */
  entryOffset: number;
}

export const MAX_TENSORS = 1 << 16;
const MAX_NAME_BYTES = 256;
/** Names end up in error messages, where an escape sequence could rewrite a terminal. */
const NAME = /^[\x21-\x7e]+$/;
const MAX_DIMENSIONS = 4;

/** Reads `count` entries and checks that their data lies in the file, apart from each other. */
export function readTensorDirectory(
  cursor: Cursor,
  count: number,
  alignment: number,
  fileSize: number,
): Map<string, TensorInfo> {
  const tensors = new Map<string, TensorInfo>();
  for (let i = 0; i < count; i++) {
    const info = readEntry(cursor, alignment);
    if (tensors.has(info.name)) throw new GgufError(`the tensor ${info.name} is there twice`, info.entryOffset);
    tensors.set(info.name, info);
  }
  const dataStart = Math.ceil(cursor.offset / alignment) * alignment;
  for (const info of tensors.values()) {
    info.dataOffset += dataStart;
    const end = info.dataOffset + info.byteLength;
    if (end > fileSize) {
      throw new GgufError(
        `the tensor ${info.name} ends at byte ${end}, the file at ${fileSize}: the file is cut off or lies`,
        info.entryOffset,
      );
    }
  }
  refuseOverlap([...tensors.values()]);
  return tensors;
}

function readEntry(cursor: Cursor, alignment: number): TensorInfo {
  const entryOffset = cursor.offset;
  const name = cursor.string('a tensor name', MAX_NAME_BYTES);
  if (!NAME.test(name)) throw new GgufError('a tensor has no name of printable ASCII', entryOffset);
  const shape = readShape(cursor, name);
  const typeOffset = cursor.offset;
  const typeId = cursor.u32();
  const type = TENSOR_TYPES[typeId];
  if (!type) {
    throw new GgufError(
      `the tensor ${name} has the type ${typeName(typeId)}, which is not supported; supported are ${SUPPORTED_TYPES}`,
      typeOffset,
    );
  }
  const columns = shape.at(-1) ?? 1;
  if (columns % type.blockElements !== 0) {
    throw new GgufError(
      `the tensor ${name} has rows of ${columns} elements; ${type.name} needs a multiple of ${type.blockElements}`,
      entryOffset,
    );
  }
  const elements = shape.reduce((product, size) => product * size, 1);
  const offsetAt = cursor.offset;
  const dataOffset = cursor.count(`the data offset of ${name}`, 0, Number.MAX_SAFE_INTEGER / 2);
  if (dataOffset % alignment !== 0) {
    throw new GgufError(`the data offset of ${name}, ${dataOffset}, is not a multiple of ${alignment}`, offsetAt);
  }
  return { name, shape, type, dataOffset, byteLength: (elements / type.blockElements) * type.blockBytes, entryOffset };
}

function readShape(cursor: Cursor, name: string): number[] {
  const start = cursor.offset;
  const dimensions = cursor.u32();
  if (dimensions < 1 || dimensions > MAX_DIMENSIONS) {
    throw new GgufError(`the tensor ${name} has ${dimensions} dimensions; it must be 1 to ${MAX_DIMENSIONS}`, start);
  }
  const shape: number[] = [];
  let elements = 1;
  for (let i = 0; i < dimensions; i++) {
    const at = cursor.offset;
    const size = cursor.count(`dimension ${i} of the tensor ${name}`, 1, Number.MAX_SAFE_INTEGER);
    elements *= size;
    // An F32 element takes 4 bytes: below this, byte counts are exact in a double.
    if (elements > Number.MAX_SAFE_INTEGER / 8) throw new GgufError(`the tensor ${name} has too many elements`, at);
    shape.unshift(size);
  }
  return shape;
}

function refuseOverlap(tensors: TensorInfo[]): void {
  tensors.sort((a, b) => a.dataOffset - b.dataOffset);
  for (const [i, next] of tensors.entries()) {
    const previous = tensors[i - 1];
    if (previous && previous.dataOffset + previous.byteLength > next.dataOffset) {
      throw new GgufError(`the data of the tensors ${previous.name} and ${next.name} overlap`, next.entryOffset);
    }
  }
}
