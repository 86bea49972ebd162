// From metadata to config.json and the tokenizer's files: what is carried over, and what is refused by name.
import { Tokenizer } from 'tokenizers';
import { describe, expect, it } from 'vitest';
import { type Conversion, convertGguf } from '../../src/gguf/convert.js';
import { GgufError } from '../../src/gguf/errors.js';
import { llama3Factor } from '../../src/gguf/rope-scaling.js';
import { memorySource } from './support/gguf-writer.js';
import { int, ints, type Keys, list, real, type SmallTensor, smallLlama, str } from './support/small-llama.js';
import { tinyLlama } from './support/tiny-llama.js';

const convert = (keys: Keys = {}, tensors: Record<string, SmallTensor | undefined> = {}) =>
  convertGguf(memorySource(smallLlama(keys, tensors)));

const config = (conversion: Conversion) => conversion.files['config.json'] as Record<string, unknown>;

describe('config.json', () => {
  it('has the keys that MLX models are loaded by', async () => {
    expect(config(await convert())).toEqual({
      architectures: ['LlamaForCausalLM'],
      model_type: 'llama',
      bos_token_id: 0,
      eos_token_id: 1,
      hidden_act: 'silu',
      hidden_size: 32,
      intermediate_size: 32,
      num_hidden_layers: 1,
      num_attention_heads: 2,
      num_key_value_heads: 2,
      head_dim: 16,
      vocab_size: 12,
      max_position_embeddings: 128,
      rms_norm_eps: 1e-6,
      rope_theta: 10_000,
      rope_scaling: null,
      attention_bias: false,
      mlp_bias: false,
      tie_word_embeddings: true,
    });
  });

  it('tells untied embeddings and each way of quantizing', async () => {
    const { quantization, tie_word_embeddings } = config(await convertGguf(memorySource(tinyLlama())));
    expect(tie_word_embeddings).toBe(false);
    expect(quantization).toEqual({
      group_size: 32,
      bits: 4,
      mode: 'affine',
      'model.embed_tokens': { group_size: 32, bits: 8 },
      'model.layers.0.mlp.down_proj': { group_size: 32, bits: 8 },
    });
  });

  it('tells linear rope scaling', async () => {
    const keys = { 'llama.rope.scaling.type': str('linear'), 'llama.rope.scaling.factor': real(4) };
    expect(config(await convert(keys)).rope_scaling).toEqual({ rope_type: 'linear', factor: 4 });
  });

  it("tells Llama 3's rope scaling from its factors", async () => {
    const factors = Array.from({ length: 8 }, (_, i) => llama3Factor(32, 2 * Math.PI * 500_000 ** (i / 8)));
    const tensor = { dims: [8], data: Buffer.from(Float32Array.from(factors).buffer) };
    const keys = { 'llama.rope.freq_base': real(500_000) };
    const conversion = await convert(keys, { 'rope_freqs.weight': tensor });
    expect(config(conversion).rope_scaling).toEqual({
      rope_type: 'llama3',
      factor: 32,
      low_freq_factor: 1,
      high_freq_factor: 4,
      original_max_position_embeddings: 8192,
    });
    const other = { dims: [8], data: Buffer.from(Float32Array.from([1, 2, 3, 4, 5, 6, 7, 8]).buffer) };
    await expect(convert(keys, { 'rope_freqs.weight': other })).rejects.toThrow(/rope_freqs.weight .* not Llama 3's/);
  });

  it('tells biases when every layer has them', async () => {
    const bias = { dims: [32] };
    const attention = { 'blk.0.attn_q.bias': bias, 'blk.0.attn_k.bias': bias, 'blk.0.attn_v.bias': bias };
    expect(config(await convert({}, { ...attention, 'blk.0.attn_output.bias': bias })).attention_bias).toBe(true);
    await expect(convert({}, attention)).rejects.toThrow('only 3 of the 4 linear layers of the attention have a bias');
  });
});

describe('tokenizer', () => {
  /** How the digits come apart tells the four kinds from each other; Llama's begin with BOS when the file does not say. */
  it.each([
    ['gpt-2', ['1234']],
    ['smollm', ['1', '2', '3', '4']],
    ['qwen2', ['1', '2', '3', '4']],
    ['llama-bpe', ['<s>', '12', '3', '4']],
  ])('%s splits digits its own way', async (pre, expected) => {
    const { files } = await convert({ 'tokenizer.ggml.pre': str(pre) });
    const tokenizer = Tokenizer.fromString(JSON.stringify(files['tokenizer.json']));
    const encoding = await tokenizer.encode('1234');
    expect(encoding.getTokens()).toEqual(expected);
  });

  it('knows the special tokens, and a first token when the model wants one', async () => {
    const keys: Keys = {
      'tokenizer.ggml.add_bos_token': [7, Buffer.of(1)],
      'tokenizer.ggml.eot_token_id': int(2),
      'tokenizer.ggml.padding_token_id': int(1),
      'tokenizer.chat_template': str('{{ messages }}'),
    };
    const { files } = await convert(keys);
    const tokenizer = Tokenizer.fromString(JSON.stringify(files['tokenizer.json']));
    expect((await tokenizer.encode('ab</s>')).getIds()).toEqual([0, 4, 1]);
    expect(files['generation_config.json']).toEqual({ bos_token_id: 0, eos_token_id: [1, 2], pad_token_id: 1 });
    expect(files['tokenizer_config.json']).toMatchObject({
      bos_token: '<s>',
      eos_token: '</s>',
      pad_token: '</s>',
      add_bos_token: true,
      model_max_length: 128,
      chat_template: '{{ messages }}',
    });
  });
});

const REFUSED: [string, Keys, Record<string, SmallTensor | undefined>, RegExp][] = [
  ['another architecture', { 'general.architecture': str('mamba') }, {}, /"mamba".*supported: llama/],
  ['no architecture', { 'general.architecture': undefined }, {}, /general.architecture is missing/],
  ['experts', { 'llama.expert_count': int(8) }, {}, /experts/],
  ['a size that is missing', { 'llama.embedding_length': undefined }, {}, /llama.embedding_length is missing/],
  ['a size out of range', { 'llama.block_count': int(1e9) }, {}, /llama.block_count is 1000000000; it must be/],
  ['heads that do not divide', { 'llama.attention.head_count_kv': int(3) }, {}, /must be an integer of 1 to 2/],
  ['an odd head', { 'llama.attention.head_count': int(32) }, {}, /no head size/],
  ['unlike keys and values', { 'llama.attention.value_length': int(8) }, {}, /value_length is 8; keys have 16/],
  ['partial rope', { 'llama.rope.dimension_count': int(8) }, {}, /dimension_count is 8; it must be the head size, 16/],
  ['another rope scaling', { 'llama.rope.scaling.type': str('yarn') }, {}, /"yarn".*supported: none, linear/],
  ['another tokenizer', { 'tokenizer.ggml.model': str('bert') }, {}, /tokenizer.ggml.model is "bert".*gpt2.*llama/],
  ['SentencePiece without scores', { 'tokenizer.ggml.model': str('llama') }, {}, /tokenizer.ggml.scores is missing/],
  [
    'scores for other tokens',
    { 'tokenizer.ggml.model': str('llama'), 'tokenizer.ggml.scores': ints([1, 2]) },
    {},
    /scores has 2 entries for 12 tokens/,
  ],
  [
    'SentencePiece that folds spaces',
    { 'tokenizer.ggml.model': str('llama'), 'tokenizer.ggml.remove_extra_whitespaces': [7, Buffer.of(1)] },
    {},
    /remove_extra_whitespaces is true/,
  ],
  ['another pre-tokenizer', { 'tokenizer.ggml.pre': str('bloom') }, {}, /"bloom".*supported: gpt-2, .*smollm, .*qwen2/],
  ['a prototype as pre-tokenizer', { 'tokenizer.ggml.pre': str('constructor') }, {}, /"constructor"/],
  ['no pre-tokenizer', { 'tokenizer.ggml.pre': undefined }, {}, /tokenizer.ggml.pre is missing/],
  ['no tokens', { 'tokenizer.ggml.tokens': list([]) }, {}, /tokens is empty/],
  ['a token twice', { 'tokenizer.ggml.tokens': list(['a', 'a']) }, {}, /same token twice/],
  ['types for other tokens', { 'tokenizer.ggml.token_type': ints([1]) }, {}, /has 1 entries for 12 tokens/],
  ['a merge of no tokens', { 'tokenizer.ggml.merges': list(['a b', 'a c']) }, {}, /has entry 1, "a c"/],
  ['a special token out of range', { 'tokenizer.ggml.eos_token_id': int(12) }, {}, /eos_token_id is 12; .* 0 to 11/],
  ['a missing tensor', {}, { 'blk.0.ffn_up.weight': undefined }, /tensor blk.0.ffn_up.weight is missing/],
  ['a tensor too many', {}, { 'blk.1.ffn_up.weight': { dims: [1] } }, /blk.1.ffn_up.weight is not one of a model/],
  ['a shape of its own', {}, { 'blk.0.attn_q.weight': { dims: [32, 64] } }, /the shape \[64,32\].*asks for \[32,32\]/],
  ['too few embeddings', {}, { 'token_embd.weight': { dims: [32, 11] } }, /11 rows for the 12 tokens/],
  [
    'a quantized vector',
    {},
    { 'output_norm.weight': { dims: [32], type: 8, data: Buffer.alloc(34) } },
    /output_norm.weight is a quantized vector/,
  ],
];

describe('refusals', () => {
  it.each(REFUSED)('%s', async (_, keys, tensors, message) => {
    const attempt = convert(keys, tensors);
    await expect(attempt).rejects.toBeInstanceOf(GgufError);
    await expect(attempt).rejects.toThrow(message);
  });
});
