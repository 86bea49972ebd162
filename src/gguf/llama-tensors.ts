// Which tensors a llama model has, by their names and shapes in GGUF and in the MLX folder.
import { GgufError } from './errors.js';
import type { LlamaShape } from './llama-config.js';
import type { TensorInfo } from './tensor-directory.js';

export interface TensorPlan {
  source: TensorInfo;
  /** Name in the MLX folder; a quantized `X.weight` also makes `X.scales` and `X.biases`. */
  target: string;
  /**
   * Rows of one attention head when they are in llama.cpp's order for its own rope (x0 y0 x1 y1 ...); they go back to
   * x0 x1 ... y0 y1 .... Absent for all other tensors.
   */
  headRows?: number;
}

interface Slot {
  source: string;
  target: string;
  shape: readonly number[];
  optional?: boolean;
  headRows?: number;
}

/** Llama 3's frequencies; config.json tells them instead. */
export const ROPE_FACTORS = 'rope_freqs.weight';

/**
 * The tensors in the order of the file, each with its place in the MLX folder. Throws GgufError for a missing tensor, one
 * that does not belong, or a wrong shape. `tokens` is the size of the tokenizer's vocabulary.
 */
export function planLlamaTensors(
  tensors: ReadonlyMap<string, TensorInfo>,
  shape: LlamaShape,
  tokens: number,
): TensorPlan[] {
  const vocabSize = embeddingRows(tensors, tokens);
  const plans = new Map<string, TensorPlan>();
  for (const slot of slots(shape, vocabSize)) {
    const source = tensors.get(slot.source);
    if (!source && slot.optional) continue;
    if (!source) throw new GgufError(`the tensor ${slot.source} is missing`);
    if (source.shape.join() !== slot.shape.join()) {
      throw new GgufError(
        `the tensor ${slot.source} has the shape [${source.shape}]; its metadata asks for [${slot.shape}]`,
        source.entryOffset,
      );
    }
    const { target, headRows } = slot;
    plans.set(slot.source, { source, target, ...(headRows ? { headRows } : {}) });
  }
  for (const { name, entryOffset } of tensors.values()) {
    if (!plans.has(name) && name !== ROPE_FACTORS) {
      throw new GgufError(`the tensor ${name} is not one of a llama model`, entryOffset);
    }
  }
  return [...plans.values()].sort((a, b) => a.source.dataOffset - b.source.dataOffset);
}

/** The vocabulary of the model, which may be padded past that of the tokenizer. */
function embeddingRows(tensors: ReadonlyMap<string, TensorInfo>, tokens: number): number {
  const embedding = tensors.get('token_embd.weight');
  if (!embedding) throw new GgufError('the tensor token_embd.weight is missing');
  const rows = embedding.shape[0] as number;
  if (rows < tokens) {
    throw new GgufError(
      `token_embd.weight has ${rows} rows for the ${tokens} tokens of the tokenizer`,
      embedding.entryOffset,
    );
  }
  return rows;
}

function slots(shape: LlamaShape, vocabSize: number): Slot[] {
  const { hiddenSize } = shape;
  const all: Slot[] = [
    { source: 'token_embd.weight', target: 'model.embed_tokens.weight', shape: [vocabSize, hiddenSize] },
    { source: 'output_norm.weight', target: 'model.norm.weight', shape: [hiddenSize] },
    { source: 'output.weight', target: 'lm_head.weight', shape: [vocabSize, hiddenSize], optional: true },
  ];
  for (let layer = 0; layer < shape.layers; layer++) all.push(...layerSlots(shape, layer));
  return all;
}

function layerSlots({ hiddenSize, intermediateSize, heads, kvHeads, headDim }: LlamaShape, layer: number): Slot[] {
  const source = `blk.${layer}`;
  const target = `model.layers.${layer}`;
  const linear = (from: string, to: string, out: number, into: number, headRows?: number): Slot[] => [
    {
      source: `${source}.${from}.weight`,
      target: `${target}.${to}.weight`,
      shape: [out, into],
      ...(headRows && { headRows }),
    },
    {
      source: `${source}.${from}.bias`,
      target: `${target}.${to}.bias`,
      shape: [out],
      optional: true,
      ...(headRows && { headRows }),
    },
  ];
  const norm = (from: string, to: string): Slot => ({
    source: `${source}.${from}.weight`,
    target: `${target}.${to}.weight`,
    shape: [hiddenSize],
  });
  return [
    norm('attn_norm', 'input_layernorm'),
    ...linear('attn_q', 'self_attn.q_proj', heads * headDim, hiddenSize, headDim),
    ...linear('attn_k', 'self_attn.k_proj', kvHeads * headDim, hiddenSize, headDim),
    ...linear('attn_v', 'self_attn.v_proj', kvHeads * headDim, hiddenSize),
    ...linear('attn_output', 'self_attn.o_proj', hiddenSize, heads * headDim),
    norm('ffn_norm', 'post_attention_layernorm'),
    ...linear('ffn_gate', 'mlp.gate_proj', intermediateSize, hiddenSize),
    ...linear('ffn_up', 'mlp.up_proj', intermediateSize, hiddenSize),
    ...linear('ffn_down', 'mlp.down_proj', hiddenSize, intermediateSize),
  ];
}

const ATTENTION_LINEARS = ['q_proj', 'k_proj', 'v_proj', 'o_proj'].map((name) => `self_attn.${name}.bias`);
const MLP_LINEARS = ['gate_proj', 'up_proj', 'down_proj'].map((name) => `mlp.${name}.bias`);

/** What config.json says of biases. Throws GgufError when only some layers, or some linears of a block, have one. */
export function readBiases(plans: readonly TensorPlan[], layers: number): { attention: boolean; mlp: boolean } {
  const targets = new Set(plans.map((plan) => plan.target));
  const has = (names: readonly string[], block: string): boolean => {
    let found = 0;
    for (let layer = 0; layer < layers; layer++) {
      for (const name of names) if (targets.has(`model.layers.${layer}.${name}`)) found++;
    }
    if (found !== 0 && found !== names.length * layers) {
      throw new GgufError(`only ${found} of the ${names.length * layers} linear layers of the ${block} have a bias`);
    }
    return found > 0;
  };
  return { attention: has(ATTENTION_LINEARS, 'attention'), mlp: has(MLP_LINEARS, 'MLP') };
}
