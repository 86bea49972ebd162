// config.json of each architecture, and what an architecture refuses. That the models compute what they should:
// test/engine/gguf-import.test.ts.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { convertGguf } from '../../src/gguf/convert.js';
import { memorySource } from './support/gguf-writer.js';
import { int, type Keys, type SmallTensor, smallLlama, str } from './support/small-llama.js';

const fixture = (name: string): Buffer =>
  readFileSync(new URL(`../fixtures/gguf/architectures/${name}.gguf`, import.meta.url));

describe('config.json', () => {
  it.each([
    ['mistral', { model_type: 'llama', head_dim: 16, hidden_size: 32, rope_theta: 1e6, rope_scaling: null }],
    ['qwen2', { model_type: 'qwen2', tie_word_embeddings: true, use_sliding_window: false, rope_theta: 1e6 }],
    ['qwen3', { model_type: 'qwen3', tie_word_embeddings: false, head_dim: 16, attention_bias: false }],
    ['gemma', { model_type: 'gemma', hidden_act: 'gelu_pytorch_tanh', head_dim: 16, tie_word_embeddings: true }],
    [
      'gemma2',
      {
        model_type: 'gemma2',
        attn_logit_softcapping: 20,
        final_logit_softcapping: 15,
        sliding_window: 16,
        query_pre_attn_scalar: 16,
      },
    ],
    [
      'gemma3',
      {
        model_type: 'gemma3_text',
        sliding_window: 16,
        sliding_window_pattern: 6,
        rope_theta: 1e6,
        rope_local_base_freq: 1e4,
        rope_scaling: { rope_type: 'linear', factor: 8 },
        query_pre_attn_scalar: 16,
        final_logit_softcapping: null,
      },
    ],
    ['phi3', { model_type: 'phi3', partial_rotary_factor: 1, rope_scaling: null, sliding_window: null }],
    [
      'phi3-long',
      {
        original_max_position_embeddings: 512,
        max_position_embeddings: 1024,
        rope_scaling: { type: 'longrope', long_factor: [1, 2, 4.5, 9], short_factor: [1, 1.05, 1.1, 1.3] },
      },
    ],
  ])('of %s', async (name, expected) => {
    const { files } = await convertGguf(memorySource(fixture(name)));
    expect(files['config.json']).toMatchObject(expected);
  });
});

/** A small file of another architecture: the same keys under its name. */
function renamed(architecture: string, keys: Keys, tensors: Record<string, SmallTensor | undefined>): Buffer {
  const moved = Object.entries({
    context_length: int(128),
    embedding_length: int(32),
    block_count: int(1),
    feed_forward_length: int(32),
    'attention.head_count': int(2),
    'attention.layer_norm_rms_epsilon': [6, Buffer.from(Float32Array.of(1e-6).buffer)] as [number, Buffer],
  }).map(([key, value]) => [`${architecture}.${key}`, value]);
  return smallLlama({ ...Object.fromEntries(moved), 'general.architecture': str(architecture), ...keys }, tensors);
}

const bias = { dims: [32] };
const qkv = { 'blk.0.attn_q.bias': bias, 'blk.0.attn_k.bias': bias, 'blk.0.attn_v.bias': bias };
const fused = {
  'blk.0.attn_q.weight': undefined,
  'blk.0.attn_k.weight': undefined,
  'blk.0.attn_v.weight': undefined,
  'blk.0.ffn_gate.weight': undefined,
  'blk.0.attn_qkv.weight': { dims: [32, 96] },
  'blk.0.ffn_up.weight': { dims: [32, 64] },
};
const factors = (values: number[]) => ({ dims: [values.length], data: Buffer.from(Float32Array.from(values).buffer) });
const eight = factors([1, 1, 1, 1, 1, 1, 1, 1]);

describe('refusals', () => {
  it.each<[string, string, Keys, Record<string, SmallTensor | undefined>, RegExp]>([
    ['qwen2 without biases', 'qwen2', {}, {}, /no biases, which qwen2 has/],
    ['qwen2 with more biases', 'qwen2', {}, { ...qkv, 'blk.0.attn_output.bias': bias }, /only 1 of the 4/],
    ['qwen3 without norms of heads', 'qwen3', {}, {}, /blk.0.attn_q_norm.weight is missing/],
    ['gemma2 with two norms', 'gemma2', {}, {}, /blk.0.post_attention_norm.weight is missing/],
    ['gemma with a norm in f16', 'gemma', {}, { 'output_norm.weight': { dims: [32], type: 1 } }, /F16; it must be F32/],
    ['gemma with a part of rope', 'gemma', { 'gemma.rope.dimension_count': int(8) }, {}, /must be the head size, 16/],
    ['phi3 that is not fused', 'phi3', {}, {}, /blk.0.attn_qkv.weight is missing/],
    [
      'phi3 with one of two factors',
      'phi3',
      {},
      { ...fused, 'rope_factors_long.weight': eight },
      /rope_factors_short.weight is missing/,
    ],
    [
      'phi3 with too few factors',
      'phi3',
      {},
      { ...fused, 'rope_factors_long.weight': factors([1, 2]), 'rope_factors_short.weight': eight },
      /rope_factors_long.weight must hold 8 F32 values/,
    ],
    [
      'phi3 with a factor of 0',
      'phi3',
      {},
      { ...fused, 'rope_factors_long.weight': factors([1, 1, 1, 0, 1, 1, 1, 1]), 'rope_factors_short.weight': eight },
      /factor that is no positive number/,
    ],
    [
      'phi3 with an attention factor of its own',
      'phi3',
      { 'phi3.rope.scaling.attn_factor': [6, Buffer.from(Float32Array.of(2).buffer)] },
      { ...fused, 'rope_factors_long.weight': eight, 'rope_factors_short.weight': eight },
      /attn_factor is 2; by the lengths of its context the model has 1/,
    ],
    ['phi3 with yarn', 'phi3', { 'phi3.rope.scaling.type': str('yarn') }, fused, /"yarn".*supported: none, linear/],
    ['experts', 'qwen3', { 'qwen3.expert_count': int(8) }, {}, /mixtures of experts/],
  ])('%s', async (_, architecture, keys, tensors, message) => {
    await expect(convertGguf(memorySource(renamed(architecture, keys, tensors)))).rejects.toThrow(message);
  });
});
