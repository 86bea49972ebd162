// Gemma 1, 2 and 3 (text).
import type { Metadata } from '../metadata.js';
import { MAX_CONTEXT, MAX_WIDTH, type ModelShape, requireWholeRope, shortestF32 } from '../model-shape.js';
import { readRopeScaling } from '../rope-scaling.js';
import type { LayerSlots, Slot } from '../tensor-plan.js';
import { type Architecture, commonSlots, headNorms, type ImportedModel } from './architecture.js';

const shared = { lessOne: true, inConfig: [] };

export const gemma: Architecture = {
  ...shared,
  className: 'GemmaForCausalLM',
  modelType: 'gemma',
  layerSlots: (slots, shape) => [
    ...commonSlots(slots, shape),
    slots.norm('ffn_norm', 'post_attention_layernorm', shape.hiddenSize),
  ],
  config: async (model) => gemmaConfig(model, 'gemma'),
};

export const gemma2: Architecture = {
  ...shared,
  className: 'Gemma2ForCausalLM',
  modelType: 'gemma2',
  layerSlots: fourNorms,
  async config(model) {
    const { metadata, shape } = model;
    const cap = (name: string, absent: number) => shortestF32(metadata.real(`gemma2.${name}`, 1e-3, 1e6, absent));
    return {
      ...gemmaConfig(model, 'gemma2'),
      attn_logit_softcapping: cap('attn_logit_softcapping', 50),
      final_logit_softcapping: cap('final_logit_softcapping', 30),
      sliding_window: metadata.integer('gemma2.attention.sliding_window', 1, MAX_CONTEXT, 4096),
      query_pre_attn_scalar: queryScalar(metadata, 'gemma2', shape, 46),
    };
  },
};

export const gemma3: Architecture = {
  ...shared,
  className: 'Gemma3ForCausalLM',
  modelType: 'gemma3_text',
  layerSlots: (slots, shape) => [...fourNorms(slots, shape), ...headNorms(slots, shape)],
  async config(model) {
    const { metadata, shape } = model;
    const pattern = metadata.integer('gemma3.attention.sliding_window_pattern', 1, MAX_WIDTH, 6);
    const cap = metadata.real('gemma3.final_logit_softcapping', 0, 1e6, 0);
    return {
      ...gemmaConfig(model, 'gemma3'),
      attn_logit_softcapping: null,
      final_logit_softcapping: cap === 0 ? null : shortestF32(cap),
      sliding_window: metadata.integer('gemma3.attention.sliding_window', 1, MAX_CONTEXT),
      sliding_window_pattern: pattern,
      rope_local_base_freq: shortestF32(metadata.real('gemma3.rope.freq_base_swa', 1, 1e12, 10_000)),
      rope_scaling: readRopeScaling(metadata, 'gemma3') ?? null,
      query_pre_attn_scalar: queryScalar(metadata, 'gemma3', shape, 62),
    };
  },
};

/** Norms before and after attention, before and after the MLP. */
function fourNorms(slots: LayerSlots, shape: ModelShape): Slot[] {
  return [
    ...commonSlots(slots, shape),
    slots.norm('post_attention_norm', 'post_attention_layernorm', shape.hiddenSize),
    slots.norm('ffn_norm', 'pre_feedforward_layernorm', shape.hiddenSize),
    slots.norm('post_ffw_norm', 'post_feedforward_layernorm', shape.hiddenSize),
  ];
}

function gemmaConfig({ metadata, shape }: ImportedModel, architecture: string): object {
  requireWholeRope(metadata, architecture, shape);
  return {
    hidden_activation: 'gelu_pytorch_tanh',
    hidden_act: 'gelu_pytorch_tanh',
    head_dim: shape.headDim,
    attention_bias: false,
  };
}

/**
 * Queries are divided by the root of this. GGUF has no key for it: it is the head size, but in the 27B models, told by
 * their number of layers, the hidden size a head (gemma_pytorch, config.py).
 */
function queryScalar(metadata: Metadata, architecture: string, shape: ModelShape, layersOf27B: number): number {
  const scale = metadata.real(`${architecture}.attention.scale`, 1e-6, 1e3, undefined);
  if (scale !== undefined) return shortestF32(1 / scale ** 2);
  return shape.layers === layersOf27B ? shape.hiddenSize / shape.heads : shape.headDim;
}
