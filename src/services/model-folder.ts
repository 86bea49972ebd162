// One model folder: what it holds, or what it lacks. Reads small files and directory entries, no weights.
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

export interface ModelFolder {
  folder: string;
  modelType: string;
  /** The class that its makers gave it: `LlamaForCausalLM`. */
  architecture?: string;
  /** `4-bit`, `8-bit`, ...; undefined for dense weights. */
  quantization?: string;
  contextLength?: number;
  /** Of the weight files. */
  bytes: number;
}

/** A folder that is no complete model. The message says what is wrong. */
export class ModelFolderError extends Error {
  override readonly name = 'ModelFolderError';
}

const configSchema = z.looseObject({
  model_type: z.string(),
  architectures: z.array(z.string()).nullish(),
  max_position_embeddings: z.number().nullish(),
  text_config: z.looseObject({ max_position_embeddings: z.number().nullish() }).nullish(),
  quantization: z.looseObject({ bits: z.number() }).nullish(),
});
const indexSchema = z.looseObject({ weight_map: z.record(z.string(), z.string()) });

/** Throws ModelFolderError. */
export async function readModelFolder(folder: string): Promise<ModelFolder> {
  const files = await listFiles(folder);
  if (!files.includes('config.json'))
    throw new ModelFolderError(`${folder} is no model folder: config.json is missing`);
  const weights = await weightFiles(folder, files);
  const missing = [...weights, 'tokenizer.json'].filter((name) => !files.includes(name));
  if (weights.length === 0) missing.unshift('model.safetensors');
  if (missing.length > 0) {
    const verb = missing.length === 1 ? 'is' : 'are';
    throw new ModelFolderError(`The model in ${folder} is not complete: ${missing.join(', ')} ${verb} missing`);
  }
  const config = await readJson(folder, 'config.json', configSchema);
  const contextLength = config.max_position_embeddings ?? config.text_config?.max_position_embeddings;
  const sizes = await Promise.all(weights.map(async (name) => (await stat(join(folder, name))).size));
  return {
    folder,
    modelType: config.model_type,
    ...(config.architectures?.[0] ? { architecture: config.architectures[0] } : {}),
    ...(config.quantization ? { quantization: `${config.quantization.bits}-bit` } : {}),
    ...(contextLength ? { contextLength } : {}),
    bytes: sizes.reduce((sum, size) => sum + size, 0),
  };
}

async function listFiles(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw new ModelFolderError(`There is no folder ${folder}`);
    if (code === 'ENOTDIR') throw new ModelFolderError(`${folder} is a file; a model is a folder`);
    throw new ModelFolderError(`The folder ${folder} cannot be read: ${message}`, { cause: error });
  }
}

/** The shards that the index names, or else every safetensors file that is named as the model's. */
async function weightFiles(folder: string, files: readonly string[]): Promise<string[]> {
  const index = 'model.safetensors.index.json';
  if (!files.includes(index)) return files.filter((name) => /^model.*\.safetensors$/u.test(name));
  const { weight_map } = await readJson(folder, index, indexSchema);
  return [...new Set(Object.values(weight_map))].sort();
}

async function readJson<T>(folder: string, name: string, schema: z.ZodType<T>): Promise<T> {
  const path = join(folder, name);
  let value: unknown;
  try {
    value = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    throw new ModelFolderError(`${path} is corrupt: ${(error as Error).message}`, { cause: error });
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw new ModelFolderError(`${path} is corrupt: ${issue?.path.join('.')}: ${issue?.message}`);
}
