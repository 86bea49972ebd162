// Llama, and Mistral, whose GGUF files call themselves llama.
import { requireWholeRope } from '../model-shape.js';
import { LLAMA3_FACTORS, readLlama3Scaling, readRopeScaling } from '../rope-scaling.js';
import { haveBiases } from '../tensor-plan.js';
import { type Architecture, commonSlots } from './architecture.js';

export const llama: Architecture = {
  className: 'LlamaForCausalLM',
  modelType: 'llama',
  lessOne: false,
  inConfig: [LLAMA3_FACTORS],
  layerSlots: (slots, shape) => [
    ...commonSlots(slots, shape, shape.headDim),
    slots.norm('ffn_norm', 'post_attention_layernorm', shape.hiddenSize),
  ],
  async config({ metadata, shape, plans, tensors, source }) {
    requireWholeRope(metadata, 'llama', shape);
    const factors = tensors.get(LLAMA3_FACTORS);
    const scaling = readRopeScaling(metadata, 'llama');
    const attention = ['q_proj', 'k_proj', 'v_proj', 'o_proj'].map((name) => `self_attn.${name}`);
    const mlp = ['gate_proj', 'up_proj', 'down_proj'].map((name) => `mlp.${name}`);
    return {
      hidden_act: 'silu',
      head_dim: shape.headDim,
      rope_scaling: factors ? await readLlama3Scaling(source, factors, shape) : (scaling ?? null),
      attention_bias: haveBiases(plans, shape.layers, 'attention', attention),
      mlp_bias: haveBiases(plans, shape.layers, 'MLP', mlp),
    };
  },
};
