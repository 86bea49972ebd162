// The header of a safetensors file, and where each tensor's bytes go. Does no I/O.

export type SafetensorsDtype = 'F32' | 'F16' | 'BF16' | 'U32';

export const DTYPE_BYTES: Record<SafetensorsDtype, number> = { F32: 4, F16: 2, BF16: 2, U32: 4 };

export interface TensorSpec {
  name: string;
  dtype: SafetensorsDtype;
  shape: readonly number[];
}

export interface SafetensorsLayout {
  header: Uint8Array;
  /** Where the data of each tensor starts in the file. */
  offsets: ReadonlyMap<string, number>;
  fileBytes: number;
}

const HEADER_ALIGNMENT = 8;

/** Tensors of wide elements go first, so that each is aligned to its own element size. */
export function layOutSafetensors(tensors: readonly TensorSpec[]): SafetensorsLayout {
  const ordered = [...tensors].sort((a, b) => DTYPE_BYTES[b.dtype] - DTYPE_BYTES[a.dtype]);
  const entries: Record<string, object> = { __metadata__: { format: 'mlx' } };
  const relative = new Map<string, number>();
  let end = 0;
  for (const { name, dtype, shape } of ordered) {
    const start = end;
    end += shape.reduce((product, size) => product * size, DTYPE_BYTES[dtype]);
    relative.set(name, start);
    entries[name] = { dtype, shape, data_offsets: [start, end] };
  }
  const header = encodeHeader(entries);
  const offsets = new Map([...relative].map(([name, start]) => [name, header.length + start]));
  return { header, offsets, fileBytes: header.length + end };
}

function encodeHeader(entries: Record<string, object>): Uint8Array {
  const json = Buffer.from(JSON.stringify(entries));
  const length = Math.ceil(json.length / HEADER_ALIGNMENT) * HEADER_ALIGNMENT;
  const header = Buffer.alloc(8 + length, ' ');
  header.writeBigUInt64LE(BigInt(length));
  json.copy(header, 8);
  return header;
}
