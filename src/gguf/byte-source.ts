// The bytes of a GGUF file by offset. The header is read synchronously, tensor data asynchronously. Main thread.
import { readSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { GgufError } from './errors.js';

export interface ByteSource {
  readonly size: number;
  /** At the most `length` bytes from `offset`; fewer only at the end of the source. */
  readSync(offset: number, length: number): Uint8Array;
  /** Exactly `length` bytes from `offset`. Throws GgufError when they are not there. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

export class FileSource implements ByteSource {
  private constructor(
    private readonly handle: FileHandle,
    readonly size: number,
  ) {}

  /** Throws what `open` throws, and GgufError for what is not a regular file. */
  static async open(path: string): Promise<FileSource> {
    const handle = await open(path, 'r');
    try {
      const stat = await handle.stat();
      if (!stat.isFile()) throw new GgufError('not a regular file');
      return new FileSource(handle, stat.size);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  readSync(offset: number, length: number): Uint8Array {
    const buffer = Buffer.allocUnsafe(Math.min(length, Math.max(0, this.size - offset)));
    let filled = 0;
    while (filled < buffer.length) {
      const count = readSync(this.handle.fd, buffer, filled, buffer.length - filled, offset + filled);
      if (count === 0) break;
      filled += count;
    }
    return buffer.subarray(0, filled);
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    const buffer = Buffer.allocUnsafe(length);
    let filled = 0;
    while (filled < length) {
      const { bytesRead } = await this.handle.read(buffer, filled, length - filled, offset + filled);
      if (bytesRead === 0) throw new GgufError('the file ends early', offset + filled);
      filled += bytesRead;
    }
    return buffer;
  }

  close(): Promise<void> {
    return this.handle.close();
  }
}
