// What an architecture has to tell of itself to be imported.
import type { ByteSource } from '../byte-source.js';
import type { Metadata } from '../metadata.js';
import type { ModelShape } from '../model-shape.js';
import type { TensorInfo } from '../tensor-directory.js';
import type { LayerSlots, Slot, TensorPlan, TensorPlanner } from '../tensor-plan.js';

/** A GGUF file as far as it is read when its config.json is made. */
export interface ImportedModel {
  metadata: Metadata;
  shape: ModelShape;
  tensors: ReadonlyMap<string, TensorInfo>;
  plans: readonly TensorPlan[];
  source: ByteSource;
}

export interface Architecture extends TensorPlanner {
  /** Of transformers, as `modelType` is. */
  className: string;
  modelType: string;
  /** The keys of config.json that not all models have. Throws GgufError for metadata that it cannot tell. */
  config(model: ImportedModel): Promise<object>;
}

/** Norm, attention, norm, gated MLP: the tensors that most architectures have. */
export function commonSlots(slots: LayerSlots, shape: ModelShape, headRows?: number): Slot[] {
  const { hiddenSize } = shape;
  return [
    slots.norm('attn_norm', 'input_layernorm', hiddenSize),
    ...attentionSlots(slots, shape, headRows),
    ...mlpSlots(slots, shape),
  ];
}

function attentionSlots(slots: LayerSlots, shape: ModelShape, headRows?: number): Slot[] {
  const { hiddenSize, heads, kvHeads, headDim } = shape;
  return [
    ...slots.linear('attn_q', 'self_attn.q_proj', [heads * headDim, hiddenSize], headRows),
    ...slots.linear('attn_k', 'self_attn.k_proj', [kvHeads * headDim, hiddenSize], headRows),
    ...slots.linear('attn_v', 'self_attn.v_proj', [kvHeads * headDim, hiddenSize]),
    ...slots.linear('attn_output', 'self_attn.o_proj', [hiddenSize, heads * headDim]),
  ];
}

function mlpSlots(slots: LayerSlots, { hiddenSize, intermediateSize }: ModelShape): Slot[] {
  return [
    ...slots.linear('ffn_gate', 'mlp.gate_proj', [intermediateSize, hiddenSize]),
    ...slots.linear('ffn_up', 'mlp.up_proj', [intermediateSize, hiddenSize]),
    ...slots.linear('ffn_down', 'mlp.down_proj', [hiddenSize, intermediateSize]),
  ];
}

export function headNorms(slots: LayerSlots, { headDim }: ModelShape): Slot[] {
  return [
    slots.norm('attn_q_norm', 'self_attn.q_norm', headDim),
    slots.norm('attn_k_norm', 'self_attn.k_norm', headDim),
  ];
}
