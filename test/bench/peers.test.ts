import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { bar, costChart } from '../../bench/peers/chart.js';
import { ratios, type TaskResult } from '../../bench/peers/floors.js';
import type { Machine } from '../../bench/peers/machine.js';
import { modelCost } from '../../bench/peers/model-cost.js';
import type { PeerName } from '../../bench/peers/peers.js';
import { parseAnswer, tokensPerSecond } from '../../bench/peers/protocol.js';
import { ratiosText, table } from '../../bench/peers/report.js';
import { shareOf } from '../../bench/peers/shares.js';
import { median, summarize } from '../../bench/peers/stats.js';
import { longestSequence, makeTasks, randomTokens, SECTIONS, type Section } from '../../bench/peers/tasks.js';

const tasksOf = (section: Section, contextLength = 8192) =>
  makeTasks(section, { vocabSize: 49152, contextLength, quick: false });

const result = (section: Section, rates: Partial<Record<PeerName, number>>): TaskResult => ({
  model: 'default',
  section,
  label: section,
  outcomes: Object.entries(rates).map(([peer, rate]) => ({
    peer: peer as PeerName,
    note: '',
    rate: summarize([rate]),
  })),
});

describe('medians', () => {
  it('takes the middle, or the mean of the two in the middle, whatever the order', () => {
    expect(median([30, 10, 20])).toBe(20);
    expect(median([40, 10, 20, 30])).toBe(25);
    expect(median([7])).toBe(7);
    expect(() => median([])).toThrow('no values');
  });

  it('sorts numbers as numbers', () => {
    expect(summarize([9, 100, 10])).toEqual({ median: 10, min: 9, max: 100, rounds: 3 });
  });
});

describe('the protocol of the workers', () => {
  it('reads results and errors', () => {
    expect(parseAnswer('{"id":1,"ok":true,"result":{"seconds":2,"tokens":64}}')).toMatchObject({ id: 1, ok: true });
    expect(parseAnswer('{"id":2,"ok":false,"error":"out of memory"}')).toEqual({
      id: 2,
      ok: false,
      error: 'out of memory',
    });
    expect(tokensPerSecond({ seconds: 2, tokens: 64 })).toBe(32);
  });

  it.each(['llama_context: n_ctx = 512', '{"id":1}', '{"id":"1","ok":true}', '[]', ''])('refuses %j', (line) => {
    expect(() => parseAnswer(line)).toThrow('not an answer');
  });
});

describe('ratios against the floors', () => {
  it('divides our median by each peer and holds it against the floor', () => {
    const list = ratios([result('decode', { mlxd: 220, 'llama.cpp-q4_1': 100, 'llama.cpp-q4_0': 200, 'mlx-lm': 0.5 })]);
    expect(list.map(({ against, ratio, met }) => [against, ratio, met])).toEqual([
      ['llama.cpp-q4_1', 2.2, true],
      ['llama.cpp-q4_0', 1.1, false],
      ['mlx-lm', 440, true],
    ]);
    expect(ratiosText(list)).toMatch(/llama\.cpp-q4_0 +1\.10x +1\.4x +missed/);
  });

  it('says nothing where a side has no figure', () => {
    const failed: TaskResult = result('prefill', { 'llama.cpp-q4_1': 300 });
    expect(ratios([failed])).toEqual([]);
    const alone = { ...failed, outcomes: [{ peer: 'mlxd' as const, note: '', error: 'it ended' }, ...failed.outcomes] };
    expect(ratios([alone])).toEqual([]);
  });
});

describe('the chart of costs', () => {
  it('draws milliseconds a token, the dearest over the whole width', () => {
    const results = [result('context', { mlxd: 250, 'llama.cpp-q4_1': 100 }), result('batch', { mlxd: 500 })];
    expect(costChart(results, 'context').split('\n')).toEqual([
      '  milliseconds a token by context',
      `  context  mlxd            ${'█'.repeat(16)} 4.00`,
      `           llama.cpp-q4_1  ${'█'.repeat(40)} 10.0`,
    ]);
    expect(costChart(results, 'batch')).toContain(' 2.00');
    expect(costChart(results, 'decode')).toBe('');
  });

  it('has bars of eighths', () => {
    expect([bar(0), bar(1 / 320), bar(0.5), bar(9)]).toEqual(['', '▏', '█'.repeat(20), '█'.repeat(40)]);
  });
});

describe('tasks', () => {
  it('asks for the same ids in every run, all of them in the vocabulary', () => {
    const tokens = randomTokens(1000, 300, 5);
    expect(tokens).toEqual(randomTokens(1000, 300, 5));
    expect(tokens).not.toEqual(randomTokens(1000, 300, 6));
    expect(tokens.every((token) => Number.isInteger(token) && token >= 256 && token < 300)).toBe(true);
    expect(new Set(tokens).size).toBeGreaterThan(40);
  });

  it('times a prefill on a new prompt each round', () => {
    const [prefill] = tasksOf('prefill');
    expect(prefill?.request(0)).not.toEqual(prefill?.request(1));
  });

  it.each(SECTIONS)('keeps the %s section within the context', (section) => {
    expect(longestSequence(tasksOf(section, 2048))).toBeLessThan(2048);
  });
});

describe('shares of what the machine can do', () => {
  const bandwidth = { memory: 20e9, reread: 40e9 };
  const machine = { f32Rate: 100e9, int8Rate: 0 } as Machine;
  const cost = { vocabSize: 0, contextLength: 0, weightBytes: 80e6, kvBytesPerPosition: 1e4, multiplyAdds: 1e8 };

  it('counts the weights once a step and the keys and values of each stream', () => {
    const [task] = tasksOf('batch16');
    if (!task) throw new Error('no task');
    // 100 steps a second of 80 MB of weights and 16 x (64 + 24) positions of 10 kB.
    const share = shareOf(result('batch16', { mlxd: 1600 }), task, cost, machine, bandwidth);
    const bytes = 100 * (80e6 + 16 * 88 * 1e4);
    expect(share).toEqual({ label: '16 streams together', ofMemory: bytes / 20e9, ofReread: bytes / 40e9 });
  });

  it('holds a prefill against the multipliers, and leaves out what the machine has not', () => {
    const [task] = tasksOf('prefill');
    if (!task) throw new Error('no task');
    expect(shareOf(result('prefill', { mlxd: 500 }), task, cost, machine, bandwidth)).toEqual({
      label: 'prefill 512',
      ofF32: 0.5,
    });
  });
});

describe('the cost of a model', () => {
  const folders: string[] = [];
  afterEach(() => {
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
  });

  function writeModel(tensors: Record<string, { dtype: string; shape: number[]; bytes: number }>): string {
    const folder = mkdtempSync(join(tmpdir(), 'mlxd-cost-'));
    folders.push(folder);
    mkdirSync(folder, { recursive: true });
    const config = { vocab_size: 64, max_position_embeddings: 128, num_hidden_layers: 2, hidden_size: 32 };
    const heads = { num_attention_heads: 4, num_key_value_heads: 2, quantization: { group_size: 32, bits: 4 } };
    writeFileSync(join(folder, 'config.json'), JSON.stringify({ ...config, ...heads }));
    let offset = 0;
    const header = Object.entries(tensors).map(([name, { dtype, shape, bytes }]) => {
      offset += bytes;
      return [name, { dtype, shape, data_offsets: [offset - bytes, offset] }];
    });
    const json = Buffer.from(JSON.stringify({ __metadata__: { format: 'mlx' }, ...Object.fromEntries(header) }));
    const prefix = Buffer.alloc(8);
    prefix.writeBigUInt64LE(BigInt(json.length));
    writeFileSync(join(folder, 'model.safetensors'), Buffer.concat([prefix, json]));
    return folder;
  }

  const linear = {
    weight: { dtype: 'U32', shape: [48, 4], bytes: 768 },
    scales: { dtype: 'F16', shape: [48, 1], bytes: 96 },
  };
  const tensors = {
    'model.embed_tokens.weight': { dtype: 'U32', shape: [64, 4], bytes: 1024 },
    'model.embed_tokens.scales': { dtype: 'F16', shape: [64, 1], bytes: 128 },
    'model.layers.0.mlp.up_proj.weight': linear.weight,
    'model.layers.0.mlp.up_proj.scales': linear.scales,
  };

  it('reads a tied embedding each step, as the output matrix that it is', () => {
    expect(modelCost(writeModel(tensors))).toMatchObject({
      weightBytes: 1024 + 128 + 768 + 96,
      multiplyAdds: 48 * 32,
      kvBytesPerPosition: 2 * 2 * 2 * 2 * 8,
    });
  });

  it('leaves out an embedding that has an output matrix beside it', () => {
    const folder = writeModel({ ...tensors, 'lm_head.weight': { dtype: 'U32', shape: [64, 4], bytes: 1024 } });
    expect(modelCost(folder)).toMatchObject({ weightBytes: 1024 + 768 + 96, multiplyAdds: 48 * 32 });
  });
});

it('lines columns up', () => {
  expect(
    table([
      ['a', 'bb'],
      ['ccc', 'd'],
    ]),
  ).toBe('a    bb\nccc  d');
});
