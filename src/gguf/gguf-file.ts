// A GGUF header read and checked as a whole: metadata and tensor directory. Tensor data stays in the file.
import type { ByteSource } from './byte-source.js';
import { Cursor } from './cursor.js';
import { GgufError } from './errors.js';
import { MAX_KEYS, Metadata } from './metadata.js';
import { MAX_TENSORS, readTensorDirectory, type TensorInfo } from './tensor-directory.js';

export interface GgufFile {
  version: number;
  metadata: Metadata;
  tensors: ReadonlyMap<string, TensorInfo>;
}

const MAGIC = 0x46554747; // "GGUF"
const DEFAULT_ALIGNMENT = 32;
const MAX_ALIGNMENT = 1 << 16;

/** Throws GgufError for whatever is wrong with the header. */
export function readGgufHeader(source: ByteSource): GgufFile {
  const cursor = new Cursor(source);
  const version = readVersion(cursor);
  const tensorCount = cursor.count('the tensor count', 0, MAX_TENSORS);
  const keyCount = cursor.count('the metadata count', 0, MAX_KEYS);
  const metadata = Metadata.parse(cursor, keyCount);
  refuseParts(metadata);
  const alignment = metadata.integer('general.alignment', 8, MAX_ALIGNMENT, DEFAULT_ALIGNMENT);
  if (alignment % 8 !== 0) {
    throw metadata.error('general.alignment', `is ${alignment}; it must be a multiple of 8`);
  }
  return { version, metadata, tensors: readTensorDirectory(cursor, tensorCount, alignment, source.size) };
}

function refuseParts(metadata: Metadata): void {
  const parts = metadata.integer('split.count', 0, MAX_TENSORS, 1);
  if (parts > 1) {
    throw metadata.error('split.count', `is ${parts}: the file is one part of a model; join the parts with gguf-split`);
  }
}

function readVersion(cursor: Cursor): number {
  if (cursor.remaining < 4 || cursor.u32() !== MAGIC) {
    throw new GgufError('this is not a GGUF file: it does not start with "GGUF"', 0);
  }
  const start = cursor.offset;
  const version = cursor.u32();
  if (version === 2 || version === 3) return version;
  const isBigEndian = version !== 0 && version % 0x10000 === 0;
  throw new GgufError(
    isBigEndian
      ? 'the file is big-endian, which is not supported'
      : `the file has version ${version} of the format; supported are 2 and 3`,
    start,
  );
}
