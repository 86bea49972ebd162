// Where models are on this machine: finds them by name or path, and lists them.
import { readdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, isAbsolute, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ModelFolder, ModelFolderError, readModelFolder } from './model-folder.js';
import { nearestName } from './nearest-name.js';

/** The model that is used when none is named. `npm run build` installs it. */
export const DEFAULT_MODEL = 'SmolLM2-135M-Instruct-4bit';

/** Models that come with the package, or that a checkout's build installed. */
const PACKAGE_MODELS = fileURLToPath(new URL('../../models', import.meta.url));
const MAX_NAME_LENGTH = 128;
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;

export interface StoredModel extends ModelFolder {
  name: string;
}

/** A folder among the models that cannot be used. */
export interface BrokenModel {
  name: string;
  folder: string;
  problem: string;
}

export class ModelNotFoundError extends Error {
  override readonly name = 'ModelNotFoundError';
}

export const defaultModelsFolder = (): string => join(homedir(), '.mlxd', 'models');

/** Whether a name can be a model's: no separators, no leading dot, so it cannot lead out of the models folder. */
export const isModelName = (name: string): boolean => name.length <= MAX_NAME_LENGTH && NAME.test(name);

export class ModelStore {
  /** `folder` is where imported models go; models of the package are found too. */
  constructor(
    readonly folder: string = defaultModelsFolder(),
    private readonly packageFolder: string = PACKAGE_MODELS,
  ) {}

  /**
   * The model of that name, or in that folder when `nameOrPath` is absolute or starts with `./` or `../`.
   * Throws ModelNotFoundError, and ModelFolderError for a folder that is no complete model.
   */
  async find(nameOrPath: string): Promise<StoredModel> {
    if (isPath(nameOrPath)) return readStored(resolve(nameOrPath));
    if (!isModelName(nameOrPath)) {
      throw new ModelNotFoundError(
        `${JSON.stringify(nameOrPath)} is no model name: names have letters, digits, '.', '_' and '-'. ` +
          "A path has to be absolute or to start with './'.",
      );
    }
    for (const root of this.#roots()) {
      if ((await folderNames(root)).includes(nameOrPath)) return readStored(join(root, nameOrPath));
    }
    throw await this.#notFound(nameOrPath);
  }

  /** All models by name. One in `folder` hides one of the same name in the package. */
  async list(): Promise<(StoredModel | BrokenModel)[]> {
    const found = new Map<string, string>();
    for (const root of this.#roots()) {
      for (const name of await folderNames(root)) if (!found.has(name)) found.set(name, join(root, name));
    }
    const models = await Promise.all([...found].map(([name, folder]) => readOrExplain(name, folder)));
    return models.sort((a, b) => a.name.localeCompare(b.name));
  }

  #roots(): string[] {
    return [this.folder, this.packageFolder];
  }

  async #notFound(name: string): Promise<ModelNotFoundError> {
    const names = (await this.list()).filter((model) => !('problem' in model)).map((model) => model.name);
    if (names.length === 0) {
      const fix = name === DEFAULT_MODEL ? "'npm run build' installs it in a checkout" : "'mlxd import' adds one";
      return new ModelNotFoundError(`There is no model ${name}, and no other in ${this.#roots().join(' or ')}: ${fix}`);
    }
    const near = nearestName(name, names);
    const hint = near ? `Did you mean ${near}?` : `There are: ${names.join(', ')}.`;
    return new ModelNotFoundError(`There is no model ${name}. ${hint}`);
  }
}

const isPath = (text: string): boolean => isAbsolute(text) || /^\.{1,2}(\/|$)/.test(text);

async function readStored(folder: string): Promise<StoredModel> {
  return { name: basename(folder), ...(await readModelFolder(folder)) };
}

async function readOrExplain(name: string, folder: string): Promise<StoredModel | BrokenModel> {
  try {
    return await readStored(folder);
  } catch (error) {
    if (error instanceof ModelFolderError) return { name, folder, problem: error.message };
    throw error;
  }
}

/** Folders, and links that may lead to one, whose names can be models'. None when the root is not there. */
async function folderNames(root: string): Promise<string[]> {
  try {
    const entries = await readdir(root, { withFileTypes: true });
    return entries.filter((entry) => !entry.isFile() && isModelName(entry.name)).map((entry) => entry.name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw new ModelFolderError(`The models folder ${root} cannot be read: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
