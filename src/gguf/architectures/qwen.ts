// Qwen 2, 2.5 and 3.
import { GgufError } from '../errors.js';
import { requireWholeRope } from '../model-shape.js';
import { readRopeScaling } from '../rope-scaling.js';
import { haveBiases } from '../tensor-plan.js';
import { type Architecture, commonSlots, headNorms, type ImportedModel } from './architecture.js';

const QKV = ['q_proj', 'k_proj', 'v_proj'].map((name) => `self_attn.${name}`);
const OTHERS = ['self_attn.o_proj', 'mlp.gate_proj', 'mlp.up_proj', 'mlp.down_proj'];

export const qwen2: Architecture = {
  className: 'Qwen2ForCausalLM',
  modelType: 'qwen2',
  lessOne: false,
  inConfig: [],
  layerSlots: (slots, shape) => [
    ...commonSlots(slots, shape),
    slots.norm('ffn_norm', 'post_attention_layernorm', shape.hiddenSize),
  ],
  async config(model) {
    const { plans, shape } = model;
    if (!haveBiases(plans, shape.layers, 'attention', QKV)) {
      throw new GgufError('queries, keys and values have no biases, which qwen2 has');
    }
    refuseBiases(model, 'qwen2', OTHERS);
    return { ...qwenConfig(model, 'qwen2'), use_sliding_window: false };
  },
};

export const qwen3: Architecture = {
  className: 'Qwen3ForCausalLM',
  modelType: 'qwen3',
  lessOne: false,
  inConfig: [],
  layerSlots: (slots, shape) => [...qwen2.layerSlots(slots, shape), ...headNorms(slots, shape)],
  async config(model) {
    refuseBiases(model, 'qwen3', [...QKV, ...OTHERS]);
    return {
      ...qwenConfig(model, 'qwen3'),
      head_dim: model.shape.headDim,
      attention_bias: false,
      use_sliding_window: false,
    };
  },
};

function qwenConfig({ metadata, shape }: ImportedModel, architecture: string): object {
  requireWholeRope(metadata, architecture, shape);
  return { hidden_act: 'silu', rope_scaling: readRopeScaling(metadata, architecture) ?? null };
}

function refuseBiases({ plans, shape }: ImportedModel, architecture: string, linears: readonly string[]): void {
  if (haveBiases(plans, shape.layers, 'model', linears)) {
    throw new GgufError(`linear layers have biases that ${architecture} does not have`);
  }
}
