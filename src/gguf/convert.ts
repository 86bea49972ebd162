// From a GGUF file to the contents of an MLX model folder: text files, and tensors as a stream of pieces. Writes nothing.
import { affineFormat, GROUP_SIZE } from './affine.js';
import type { ByteSource } from './byte-source.js';
import { readGgufHeader } from './gguf-file.js';
import { type LlamaConfig, readLlamaConfig } from './llama-config.js';
import { planLlamaTensors, ROPE_FACTORS, readBiases, type TensorPlan } from './llama-tensors.js';
import { readLlama3Scaling } from './rope-factors.js';
import { computeDtype, convertTensor, type TensorConversion } from './tensor-conversion.js';
import { convertTokenizer, type TokenizerFiles } from './tokenizer.js';

export interface Conversion {
  /** By file name, each to be written as JSON. */
  files: Readonly<Record<string, object>>;
  tensors: readonly TensorConversion[];
}

/** Checks all of the file but the values of its tensors. Throws GgufError. */
export async function convertGguf(source: ByteSource): Promise<Conversion> {
  const { metadata, tensors } = readGgufHeader(source);
  const config = readLlamaConfig(metadata);
  const tokenizer = convertTokenizer(metadata, config.contextLength);
  const plans = planLlamaTensors(tensors, config, tokenizer.tokenCount);
  const factors = tensors.get(ROPE_FACTORS);
  const ropeScaling = factors ? await readLlama3Scaling(source, factors, config) : config.ropeScaling;
  const dtype = computeDtype(plans);
  return {
    files: {
      'config.json': {
        ...modelConfig(config, plans, tokenizer),
        rope_scaling: ropeScaling ?? null,
        ...quantization(plans),
      },
      'tokenizer.json': tokenizer.tokenizer,
      'tokenizer_config.json': tokenizer.tokenizerConfig,
      'generation_config.json': tokenizer.generationConfig,
    },
    tensors: await Promise.all(plans.map((plan) => convertTensor(source, plan, dtype))),
  };
}

function modelConfig(config: LlamaConfig, plans: readonly TensorPlan[], tokenizer: TokenizerFiles): object {
  const biases = readBiases(plans, config.layers);
  const embedding = plans.find((plan) => plan.target === 'model.embed_tokens.weight');
  return {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    ...tokenizer.generationConfig,
    hidden_act: 'silu',
    hidden_size: config.hiddenSize,
    intermediate_size: config.intermediateSize,
    num_hidden_layers: config.layers,
    num_attention_heads: config.heads,
    num_key_value_heads: config.kvHeads,
    head_dim: config.headDim,
    vocab_size: embedding?.source.shape[0],
    max_position_embeddings: config.contextLength,
    rms_norm_eps: config.rmsEps,
    rope_theta: config.ropeTheta,
    attention_bias: biases.attention,
    mlp_bias: biases.mlp,
    tie_word_embeddings: !plans.some((plan) => plan.target === 'lm_head.weight'),
  };
}

/** The keys of config.json that say how weights are quantized: the most common way, and every exception by name. */
function quantization(plans: readonly TensorPlan[]): object {
  const bits = new Map<string, number>();
  for (const { source, target } of plans) {
    const format = affineFormat(source.type);
    if (format) bits.set(target.replace(/\.weight$/, ''), format.bits);
  }
  if (bits.size === 0) return {};
  const fours = [...bits.values()].filter((width) => width === 4).length;
  const standard = 2 * fours >= bits.size ? 4 : 8;
  const exceptions = [...bits].filter(([, width]) => width !== standard);
  const scheme = {
    group_size: GROUP_SIZE,
    bits: standard,
    mode: 'affine',
    ...Object.fromEntries(exceptions.map(([path, width]) => [path, { group_size: GROUP_SIZE, bits: width }])),
  };
  return { quantization: scheme, quantization_config: scheme };
}
