// Finding and listing models: names, paths, and folders that are not what they should be.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DEFAULT_MODEL as INSTALLED } from '../../scripts/pins.js';
import { ModelFolderError } from '../../src/services/model-folder.js';
import { DEFAULT_MODEL, isModelName, ModelNotFoundError, ModelStore } from '../../src/services/model-store.js';
import { nearestName } from '../../src/services/nearest-name.js';

let base: string;
let own: string;
let packaged: string;
let store: ModelStore;

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'mlxd-store-'));
  own = join(base, 'own');
  packaged = join(base, 'packaged');
  store = new ModelStore(own, packaged);
});

afterEach(() => {
  rmSync(base, { recursive: true, force: true });
});

const CONFIG = { model_type: 'llama', max_position_embeddings: 64, quantization: { group_size: 32, bits: 4 } };
const WHOLE: Record<string, string> = {
  'config.json': JSON.stringify(CONFIG),
  'model.safetensors': 'x'.repeat(100),
  'tokenizer.json': '{}',
};

function addModel(root: string, name: string, files: Record<string, string> = WHOLE): string {
  const folder = join(root, name);
  mkdirSync(folder, { recursive: true });
  for (const [file, content] of Object.entries(files)) writeFileSync(join(folder, file), content);
  return folder;
}

describe('find', () => {
  it('takes a name from either root, its own first', async () => {
    const inPackage = addModel(packaged, 'tiny');
    const expected = { name: 'tiny', modelType: 'llama', quantization: '4-bit', contextLength: 64, bytes: 100 };
    expect(await store.find('tiny')).toEqual({ ...expected, folder: inPackage });
    const inOwn = addModel(own, 'tiny');
    expect(await store.find('tiny')).toEqual({ ...expected, folder: inOwn });
  });

  it('takes a path that is absolute or starts with a dot', async () => {
    const folder = addModel(base, 'elsewhere');
    expect((await store.find(folder)).name).toBe('elsewhere');
    expect((await store.find(`./${relative(process.cwd(), folder)}`)).folder).toBe(folder);
    await expect(store.find('elsewhere')).rejects.toThrow(ModelNotFoundError);
  });

  it.each(['', '.hidden', 'a/b', 'a\\b', 'a\0b', '..', 'a b', `${'x'.repeat(129)}`, 'ünï'])(
    'takes %j for no name',
    (name) => {
      expect(isModelName(name)).toBe(false);
    },
  );

  it('does not leave its roots by a name', async () => {
    addModel(base, 'secret');
    await expect(store.find('own/../secret')).rejects.toThrow(/no model name/);
    await expect(store.find('..%2fsecret')).rejects.toThrow(/no model name/);
  });

  it('names the nearest of the models there are, or all', async () => {
    await expect(store.find('tiny')).rejects.toThrow(/no model tiny, and no other in .*'mlxd import' adds one/);
    addModel(own, 'SmolLM2-135M-Instruct-4bit');
    addModel(own, 'Qwen3-8B');
    addModel(own, 'broken', {});
    await expect(store.find('smollm2-135m')).rejects.toThrow('Did you mean SmolLM2-135M-Instruct-4bit?');
    await expect(store.find('mistral')).rejects.toThrow('There are: Qwen3-8B, SmolLM2-135M-Instruct-4bit.');
  });
});

describe('a folder that is no complete model', () => {
  const without = (...names: string[]) =>
    Object.fromEntries(Object.entries(WHOLE).filter(([name]) => !names.includes(name)));
  const index = (...shards: string[]) =>
    JSON.stringify({ weight_map: Object.fromEntries(shards.map((shard, i) => [`w${i}`, shard])) });

  it.each([
    ['nothing', {}, /no model folder: config.json is missing/],
    ['no weights', without('model.safetensors'), /not complete: model.safetensors is missing/],
    ['config alone', without('model.safetensors', 'tokenizer.json'), /model.safetensors, tokenizer.json are missing/],
    ['half a config', { ...WHOLE, 'config.json': '{"model_type"' }, /config.json is corrupt/],
    ['a config of another kind', { ...WHOLE, 'config.json': '[]' }, /config.json is corrupt/],
    ['no model type', { ...WHOLE, 'config.json': '{}' }, /config.json is corrupt: model_type/],
    [
      'a shard too few',
      { ...WHOLE, 'model.safetensors.index.json': index('a.safetensors') },
      /a.safetensors is missing/,
    ],
    [
      'a shard from elsewhere',
      { ...WHOLE, 'model.safetensors.index.json': index('../own/m/model.safetensors') },
      /..\/own\/m\/model.safetensors is missing/,
    ],
  ])('says what is wrong: %s', async (_, files, message) => {
    const folder = addModel(own, 'm', files);
    for (const name of ['m', folder]) {
      const attempt = store.find(name);
      await expect(attempt).rejects.toBeInstanceOf(ModelFolderError);
      await expect(attempt).rejects.toThrow(message);
    }
  });

  it('may be a file, or not there', async () => {
    mkdirSync(own);
    writeFileSync(join(own, 'm'), '');
    await expect(store.find(join(own, 'm'))).rejects.toThrow(/is a file; a model is a folder/);
    await expect(store.find('./nowhere')).rejects.toThrow(/There is no folder .*nowhere/);
  });
});

it('has the default model under the name that the build gives it', () => {
  expect(DEFAULT_MODEL).toBe(INSTALLED.name);
});

describe('list', () => {
  it('has every model once, by name, and says what is wrong with broken ones', async () => {
    addModel(own, 'b');
    addModel(packaged, 'b');
    addModel(packaged, 'a');
    addModel(own, 'c', {});
    addModel(own, '.c.importing-1234');
    writeFileSync(join(own, 'notes.txt'), '');
    const models = await store.list();
    expect(models.map((model) => model.name)).toEqual(['a', 'b', 'c']);
    expect(models[1]?.folder).toBe(join(own, 'b'));
    expect(models[2]).toMatchObject({ problem: expect.stringContaining('config.json is missing') });
  });

  it('is empty when there are no folders', async () => {
    expect(await store.list()).toEqual([]);
  });
});

describe('nearestName', () => {
  it.each([
    ['prot', 'port'],
    ['HOST', 'host'],
    ['log', 'log-level'],
    ['xyzzy', undefined],
  ])('%s: %s', (name, expected) => {
    expect(nearestName(name, ['port', 'host', 'log-level'])).toBe(expected);
  });
});
