// Reads the primitives of a GGUF header one after the other, little-endian, never past the end of the file.
import type { ByteSource } from './byte-source.js';
import { GgufError } from './errors.js';

const WINDOW_BYTES = 1 << 20;
/** No string of a sane header comes near; a lying length must not make us allocate gigabytes. */
const MAX_STRING_BYTES = 16 << 20;
/** All of the header: the biggest vocabularies take about 20 MiB. */
const MAX_HEADER_BYTES = 64 << 20;

export class Cursor {
  offset = 0;
  private window: Uint8Array = new Uint8Array(0);
  private view = new DataView(this.window.buffer);
  private windowStart = 0;
  private readonly utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

  constructor(private readonly source: ByteSource) {}

  /** Bytes from here to the end of the file. */
  get remaining(): number {
    return this.source.size - this.offset;
  }

  u8 = (): number => this.read(1, (view, at) => view.getUint8(at));
  i8 = (): number => this.read(1, (view, at) => view.getInt8(at));
  u16 = (): number => this.read(2, (view, at) => view.getUint16(at, true));
  i16 = (): number => this.read(2, (view, at) => view.getInt16(at, true));
  u32 = (): number => this.read(4, (view, at) => view.getUint32(at, true));
  i32 = (): number => this.read(4, (view, at) => view.getInt32(at, true));
  f32 = (): number => this.read(4, (view, at) => view.getFloat32(at, true));
  f64 = (): number => this.read(8, (view, at) => view.getFloat64(at, true));
  u64 = (): number | bigint => narrow(this.read(8, (view, at) => view.getBigUint64(at, true)));
  i64 = (): number | bigint => narrow(this.read(8, (view, at) => view.getBigInt64(at, true)));

  bool(): boolean {
    const start = this.offset;
    const byte = this.u8();
    if (byte > 1) throw new GgufError(`a boolean holds ${byte} in place of 0 or 1`, start);
    return byte === 1;
  }

  /** A 64-bit count or size that has to be from `min` to `max`. `what` names it in the error. */
  count(what: string, min: number, max: number): number {
    const start = this.offset;
    const value = this.u64();
    if (typeof value === 'bigint' || value < min || value > max) {
      throw new GgufError(`${what} is ${value}; it must be ${min} to ${max}`, start);
    }
    return value;
  }

  string(what: string, maxBytes = MAX_STRING_BYTES): string {
    const start = this.offset;
    const length = this.u64();
    if (length > this.remaining) {
      throw new GgufError(`${what} claims ${length} bytes, of which the file has ${this.remaining}`, start);
    }
    if (length > maxBytes) throw new GgufError(`${what} claims ${length} bytes; at most ${maxBytes} are taken`, start);
    const at = this.take(Number(length));
    try {
      return this.utf8.decode(this.window.subarray(at, at + Number(length)));
    } catch {
      throw new GgufError(`${what} is not valid UTF-8`, start);
    }
  }

  private read<T>(length: number, get: (view: DataView, at: number) => T): T {
    const at = this.take(length);
    return get(this.view, at);
  }

  /** Moves past `length` bytes and returns where they are in the window. */
  private take(length: number): number {
    if (length > this.remaining) throw new GgufError('the file is cut off in its header', this.offset);
    if (this.offset + length > MAX_HEADER_BYTES) {
      throw new GgufError(`the header is longer than ${MAX_HEADER_BYTES} bytes`, this.offset);
    }
    const start = this.offset;
    if (start + length > this.windowStart + this.window.length) this.fill(start, length);
    this.offset += length;
    return start - this.windowStart;
  }

  private fill(start: number, length: number): void {
    this.window = this.source.readSync(start, Math.max(length, WINDOW_BYTES));
    if (this.window.length < length) throw new GgufError('the file ends early', start + this.window.length);
    this.view = new DataView(this.window.buffer, this.window.byteOffset, this.window.length);
    this.windowStart = start;
  }
}

const narrow = (value: bigint): number | bigint => {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
};
