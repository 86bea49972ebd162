// Import as a whole: the values it writes, all or nothing. Files spoilt at random: test/gguf/spoilt-files.test.ts.
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { importGguf } from '../../src/services/model-import.js';
import { floatsOf, readSafetensors } from '../gguf/support/mlx-tensors.js';
import { smallLlama } from '../gguf/support/small-llama.js';
import { goldenTensors, TINY_LLAMA, tinyLlama } from '../gguf/support/tiny-llama.js';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mlxd-import-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const fileOf = (bytes: Buffer): string => {
  const file = join(folder, 'model.gguf');
  writeFileSync(file, bytes);
  return file;
};

describe('the values', () => {
  it('are those that the gguf package dequantizes, to the last bit', async () => {
    const { folder: made, tensors: count } = await importGguf({ file: TINY_LLAMA, out: join(folder, 'tiny') });
    const tensors = readSafetensors(made);
    expect(tensors.size).toBe(count);
    for (const [name, golden] of Object.entries(goldenTensors())) {
      // Adding 0 makes -0 into 0, as the fixture does.
      const floats = floatsOf(tensors, name).map((value) => value + 0);
      expect([...floats.subarray(0, 4)], name).toEqual(golden.first);
      expect(createHash('sha256').update(floats).digest('hex'), name).toBe(golden.sha256);
    }
  });

  it('keep F32 vectors in 16 bits only where nothing is lost, and are aligned', async () => {
    const { folder: made } = await importGguf({ file: TINY_LLAMA, out: join(folder, 'tiny') });
    const tensors = readSafetensors(made);
    expect(tensors.get('model.norm.weight')?.dtype).toBe('F16');
    expect(tensors.get('model.layers.0.post_attention_layernorm.weight')?.dtype).toBe('F32');
    expect(tensors.get('model.layers.0.mlp.up_proj.weight')?.dtype).toBe('F32');
    const start = readFileSync(join(made, 'model.safetensors')).readBigUInt64LE(0);
    expect(start % 8n).toBe(0n);
  });

  it('are told by type, with what they lost', async () => {
    const { types } = await importGguf({ file: TINY_LLAMA, out: join(folder, 'tiny') });
    const told = types.map(({ type, tensors, bits, relativeError }) => [type, tensors, bits, relativeError]);
    expect(told.sort()).toEqual([
      ['BF16', 1, 16, 0],
      ['F16', 1, 16, 0],
      ['F32', 2, 16, 0],
      ['F32', 2, 32, 0],
      ['Q4_0', 2, 4, 0],
      ['Q4_1', 2, 4, 0],
      ['Q8_0', 2, 8, 0],
    ]);
  });

  it('report progress up to the whole', async () => {
    const steps: [number, number][] = [];
    await importGguf({ file: TINY_LLAMA, out: join(folder, 'tiny'), onProgress: (...step) => steps.push(step) });
    expect(steps).toHaveLength(12);
    expect(steps.at(-1)?.[0]).toBe(steps.at(-1)?.[1]);
    expect(steps.every(([done], i) => i === 0 || done > (steps[i - 1]?.[0] as number))).toBe(true);
  });
});

describe('all or nothing', () => {
  const out = () => join(folder, 'out');
  const names = () => readdirSync(folder).sort();

  it('leaves nothing when a scale in the last tensor is not finite', async () => {
    const block = Buffer.alloc(34 * 32, 0xff);
    const bytes = smallLlama({}, { 'blk.0.ffn_down.weight': { dims: [32, 32], type: 8, data: block } });
    const attempt = importGguf({ file: fileOf(bytes), out: out() });
    await expect(attempt).rejects.toThrow(/model.gguf: the tensor blk.0.ffn_down.weight has a scale .*at byte \d+/);
    expect(names()).toEqual(['model.gguf']);
  });

  it('leaves nothing when it is aborted', async () => {
    const abort = new AbortController();
    const attempt = importGguf({
      file: TINY_LLAMA,
      out: out(),
      signal: abort.signal,
      onProgress: () => abort.abort(new Error('enough')),
    });
    await expect(attempt).rejects.toThrow('enough');
    expect(names()).toEqual([]);
  });

  it('refuses a target that is there, and replaces a model when told to', async () => {
    mkdirSync(out());
    writeFileSync(join(out(), 'config.json'), 'old');
    await expect(importGguf({ file: TINY_LLAMA, out: out() })).rejects.toThrow(/is there already; --force/);
    await importGguf({ file: TINY_LLAMA, out: out(), force: true });
    expect(JSON.parse(readFileSync(join(out(), 'config.json'), 'utf8'))).toMatchObject({ model_type: 'llama' });
    expect(names()).toEqual(['out']);
  });

  it('never replaces a folder that is no model, and keeps the old model when the new one is bad', async () => {
    mkdirSync(out());
    writeFileSync(join(out(), 'thesis.txt'), 'dear');
    await expect(importGguf({ file: TINY_LLAMA, out: out(), force: true })).rejects.toThrow(/is no model folder/);
    writeFileSync(join(out(), 'config.json'), 'old');
    const bad = fileOf(tinyLlama().subarray(0, 9000));
    await expect(importGguf({ file: bad, out: out(), force: true })).rejects.toThrow(/cut off/);
    expect(readdirSync(out()).sort()).toEqual(['config.json', 'thesis.txt']);
  });

  it('says what is wrong with the file itself', async () => {
    await expect(importGguf({ file: join(folder, 'none.gguf'), out: out() })).rejects.toThrow(/there is no such file/);
    await expect(importGguf({ file: folder, out: out() })).rejects.toThrow(/not a regular file/);
    await expect(importGguf({ file: fileOf(Buffer.alloc(0)), out: out() })).rejects.toThrow(/not a GGUF file/);
  });
});
