// Phi-3, 3.5, 4 and 4-mini: queries, keys and values are one matrix, and so are gate and up.
import { GgufError } from '../errors.js';
import { MAX_CONTEXT, type ModelShape } from '../model-shape.js';
import { readFactors, readRopeScaling } from '../rope-scaling.js';
import { haveBiases } from '../tensor-plan.js';
import type { Architecture, ImportedModel } from './architecture.js';

const LONG = 'rope_factors_long.weight';
const SHORT = 'rope_factors_short.weight';
const LINEARS = ['self_attn.qkv_proj', 'self_attn.o_proj', 'mlp.gate_up_proj', 'mlp.down_proj'];

export const phi3: Architecture = {
  className: 'Phi3ForCausalLM',
  modelType: 'phi3',
  lessOne: false,
  inConfig: [LONG, SHORT],
  layerSlots(slots, { hiddenSize, intermediateSize, heads, kvHeads, headDim }) {
    const qkv = (heads + 2 * kvHeads) * headDim;
    return [
      slots.norm('attn_norm', 'input_layernorm', hiddenSize),
      ...slots.linear('attn_qkv', 'self_attn.qkv_proj', [qkv, hiddenSize]),
      ...slots.linear('attn_output', 'self_attn.o_proj', [hiddenSize, heads * headDim]),
      slots.norm('ffn_norm', 'post_attention_layernorm', hiddenSize),
      ...slots.linear('ffn_up', 'mlp.gate_up_proj', [2 * intermediateSize, hiddenSize]),
      ...slots.linear('ffn_down', 'mlp.down_proj', [hiddenSize, intermediateSize]),
    ];
  },
  async config(model) {
    const { metadata, shape, plans } = model;
    if (haveBiases(plans, shape.layers, 'model', LINEARS)) {
      throw new GgufError('linear layers have biases that phi3 does not have');
    }
    const original = metadata.integer('phi3.rope.scaling.original_context_length', 1, MAX_CONTEXT, shape.contextLength);
    const window = metadata.integer('phi3.attention.sliding_window', 0, MAX_CONTEXT, 0);
    return {
      hidden_act: 'silu',
      attention_bias: false,
      partial_rotary_factor: shape.ropeDims / shape.headDim,
      original_max_position_embeddings: original,
      rope_scaling: (await readLongRope(model, original)) ?? readRopeScaling(metadata, 'phi3') ?? null,
      sliding_window: window === 0 ? null : window,
    };
  },
};

async function readLongRope(model: ImportedModel, original: number): Promise<object | undefined> {
  const { metadata, shape, tensors, source } = model;
  const long = tensors.get(LONG);
  const short = tensors.get(SHORT);
  if (!long && !short) return undefined;
  if (!long || !short) throw new GgufError(`the tensor ${long ? SHORT : LONG} is missing`);
  const key = 'phi3.rope.scaling.attn_factor';
  const usual = attentionFactor(shape, original);
  const factor = metadata.real(key, 1e-3, 1e3, usual);
  if (Math.abs(factor - usual) > 1e-4) {
    throw metadata.error(key, `is ${factor}; by the lengths of its context the model has ${usual}`);
  }
  return {
    type: 'longrope',
    long_factor: await readFactors(source, long, shape.ropeDims / 2),
    short_factor: await readFactors(source, short, shape.ropeDims / 2),
  };
}

/** By which longrope multiplies rotated queries and keys (LongRoPE, Ding et al. 2024). */
function attentionFactor({ contextLength }: ModelShape, original: number): number {
  const scale = contextLength / original;
  return scale <= 1 ? 1 : Math.sqrt(1 + Math.log(scale) / Math.log(original));
}
