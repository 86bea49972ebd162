// Imports a GGUF file as an MLX model folder: all of it or nothing. Main thread.
import { randomBytes } from 'node:crypto';
import { lstat, mkdir, open, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { FileSource } from '../gguf/byte-source.js';
import { type Conversion, convertGguf } from '../gguf/convert.js';
import { GgufError } from '../gguf/errors.js';
import { layOutSafetensors } from '../gguf/safetensors-layout.js';
import type { TensorConversion } from '../gguf/tensor-conversion.js';

export interface ImportOptions {
  /** The GGUF file. */
  file: string;
  /** The model folder to make; its parents are made too. */
  out: string;
  /** Replace a model folder that is there. */
  force?: boolean;
  /** Ends the import; nothing is left. */
  signal?: AbortSignal;
  /** Bytes of tensors converted, of all. */
  onProgress?: (done: number, total: number) => void;
}

export interface ImportResult {
  /** Absolute. */
  folder: string;
  tensors: number;
  /** Of model.safetensors. */
  bytes: number;
  /** By the type that tensors had in the file and what it was made into, the most bytes first. */
  types: readonly ImportedType[];
}

export interface ImportedType {
  /** As GGUF calls it. */
  type: string;
  tensors: number;
  /** In the GGUF file. */
  bytes: number;
  /** Of a weight in the model folder. */
  bits: number;
  /** How far weights are from those in the file: the root mean square of the differences over that of the weights. */
  relativeError: number;
}

export class ImportError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ImportError';
  }
}

/** Throws ImportError for everything foreseeable, and the signal's reason when it is aborted. */
export async function importGguf(options: ImportOptions): Promise<ImportResult> {
  const folder = resolve(options.out);
  const existing = await lstat(folder).catch(() => undefined);
  if (existing && !options.force) throw new ImportError(`${folder} is there already; --force replaces it`);
  if (existing && !(await isModelFolder(folder))) {
    throw new ImportError(`${folder} is there and is no model folder: it is not replaced`);
  }
  const source = await openSource(options.file);
  try {
    return await build(source, folder, existing !== undefined, options);
  } catch (error) {
    throw describe(error, options.file);
  } finally {
    await source.close();
  }
}

async function isModelFolder(folder: string): Promise<boolean> {
  const stat = await lstat(join(folder, 'config.json')).catch(() => undefined);
  return stat?.isFile() ?? false;
}

async function openSource(file: string): Promise<FileSource> {
  try {
    return await FileSource.open(file);
  } catch (error) {
    throw describe(error, file);
  }
}

function describe(error: unknown, file: string): unknown {
  if (error instanceof GgufError) return new ImportError(`${file}: ${error.message}`, { cause: error });
  const { code, message, path } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT' && path === file) return new ImportError(`${file}: there is no such file`, { cause: error });
  if (code === 'ENOSPC') return new ImportError('The disk is full', { cause: error });
  return typeof code === 'string' ? new ImportError(message, { cause: error }) : error;
}

/** Writes into a folder beside the target, and puts it in place when all is there. */
async function build(
  source: FileSource,
  folder: string,
  replaces: boolean,
  options: ImportOptions,
): Promise<ImportResult> {
  const conversion = await convertGguf(source);
  const suffix = randomBytes(4).toString('hex');
  const scratch = join(dirname(folder), `.${basename(folder)}.importing-${suffix}`);
  try {
    await mkdir(scratch, { recursive: true });
    for (const [name, content] of Object.entries(conversion.files)) {
      await writeFile(join(scratch, name), `${JSON.stringify(content, null, 2)}\n`);
    }
    const result = await writeTensors(conversion, join(scratch, 'model.safetensors'), options);
    options.signal?.throwIfAborted();
    if (replaces) await replace(folder, scratch);
    else await rename(scratch, folder);
    return { folder, ...result };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function writeTensors(
  { tensors }: Conversion,
  path: string,
  { signal, onProgress }: ImportOptions,
): Promise<Omit<ImportResult, 'folder'>> {
  const layout = layOutSafetensors(tensors.flatMap((tensor) => tensor.specs));
  const total = tensors.reduce((sum, tensor) => sum + tensor.sourceBytes, 0);
  const file = await open(path, 'wx');
  try {
    await writeAll(file, layout.header, 0);
    let done = 0;
    for (const tensor of tensors) {
      for await (const { name, offset, data, sourceBytes } of tensor.pieces()) {
        signal?.throwIfAborted();
        await writeAll(file, data, (layout.offsets.get(name) as number) + offset);
        done += sourceBytes;
        if (sourceBytes > 0) onProgress?.(done, total);
      }
    }
    await file.sync();
  } finally {
    await file.close();
  }
  return { tensors: layout.offsets.size, bytes: layout.fileBytes, types: summarize(tensors) };
}

function summarize(tensors: readonly TensorConversion[]): ImportedType[] {
  const groups = new Map<string, [TensorConversion, ...TensorConversion[]]>();
  for (const tensor of tensors) {
    const key = `${tensor.sourceType} ${tensor.bits}`;
    const group = groups.get(key);
    if (group) group.push(tensor);
    else groups.set(key, [tensor]);
  }
  const sum = (group: readonly TensorConversion[], of: (tensor: TensorConversion) => number) =>
    group.reduce((total, tensor) => total + of(tensor), 0);
  const types = [...groups.values()].map((group) => {
    const [{ sourceType: type, bits }] = group;
    const error = sum(group, (tensor) => tensor.rounding.squaredError);
    return {
      type,
      tensors: group.length,
      bytes: sum(group, (tensor) => tensor.sourceBytes),
      bits,
      relativeError: error === 0 ? 0 : Math.sqrt(error / sum(group, (tensor) => tensor.rounding.squaredNorm)),
    };
  });
  return types.sort((a, b) => b.bytes - a.bytes);
}

async function writeAll(file: Awaited<ReturnType<typeof open>>, data: Uint8Array, position: number): Promise<void> {
  let written = 0;
  while (written < data.length) {
    const { bytesWritten } = await file.write(data, written, data.length - written, position + written);
    written += bytesWritten;
  }
}

/** The old folder stays whole until the new one is there. */
async function replace(folder: string, scratch: string): Promise<void> {
  const old = `${scratch}.old`;
  await rename(folder, old);
  try {
    await rename(scratch, folder);
  } catch (error) {
    await rename(old, folder);
    throw error;
  }
  await rm(old, { recursive: true, force: true });
}
