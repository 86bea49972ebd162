// Writes GGUF files that lie: the raw pieces of the format, in any order and with any numbers.
import type { ByteSource } from '../../../src/gguf/byte-source.js';
import { GgufError } from '../../../src/gguf/errors.js';

export const u32 = (value: number): Buffer => {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32LE(value >>> 0);
  return buffer;
};

export const u64 = (value: number | bigint): Buffer => {
  const buffer = Buffer.alloc(8);
  buffer.writeBigUInt64LE(BigInt(value));
  return buffer;
};

export const f32 = (value: number): Buffer => {
  const buffer = Buffer.alloc(4);
  buffer.writeFloatLE(value);
  return buffer;
};

export const text = (value: string): Buffer => Buffer.concat([u64(Buffer.byteLength(value)), Buffer.from(value)]);

export const TYPE = { u8: 0, u32: 4, i32: 5, f32: 6, bool: 7, string: 8, array: 9, u64: 10 } as const;

/** One key of the metadata: its name, its value type, and the value's bytes. */
export const key = (name: string, type: number, value: Buffer): Buffer => Buffer.concat([text(name), u32(type), value]);

export const array = (type: number, values: readonly Buffer[], count: number | bigint = values.length): Buffer =>
  Buffer.concat([u32(type), u64(count), ...values]);

export interface TensorEntry {
  name: string;
  /** In the file's order: columns first. */
  dims: readonly (number | bigint)[];
  type: number;
  offset: number | bigint;
}

const entry = ({ name, dims, type, offset }: TensorEntry): Buffer =>
  Buffer.concat([text(name), u32(dims.length), ...dims.map(u64), u32(type), u64(offset)]);

export interface GgufParts {
  magic?: string;
  version?: number;
  tensorCount?: number | bigint;
  keyCount?: number | bigint;
  keys?: readonly Buffer[];
  tensors?: readonly TensorEntry[];
  alignment?: number;
  /** Bytes after the padded header. */
  data?: Buffer;
}

export function writeGguf(parts: GgufParts): Buffer {
  const { keys = [], tensors = [], alignment = 32, data = Buffer.alloc(0) } = parts;
  const header = Buffer.concat([
    Buffer.from(parts.magic ?? 'GGUF'),
    u32(parts.version ?? 3),
    u64(parts.tensorCount ?? tensors.length),
    u64(parts.keyCount ?? keys.length),
    ...keys,
    ...tensors.map(entry),
  ]);
  const padding = Buffer.alloc((alignment - (header.length % alignment)) % alignment);
  return Buffer.concat([header, padding, data]);
}

/** A file in memory. `claimedSize` is what it says of itself. */
export function memorySource(bytes: Uint8Array, claimedSize = bytes.length): ByteSource {
  return {
    size: claimedSize,
    readSync: (offset, length) => bytes.subarray(offset, offset + length),
    read: async (offset, length) => {
      if (offset + length > bytes.length) throw new GgufError('the file ends early', bytes.length);
      return bytes.subarray(offset, offset + length);
    },
  };
}
