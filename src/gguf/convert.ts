// From a GGUF file to the contents of an MLX model folder: text files, and tensors as a stream of pieces. Writes nothing.
import type { Architecture, ImportedModel } from './architectures/architecture.js';
import { findArchitecture } from './architectures/registry.js';
import { GROUP_SIZE } from './blocks/affine-groups.js';
import { blockFormat } from './blocks/formats.js';
import type { ByteSource } from './byte-source.js';
import { readGgufHeader } from './gguf-file.js';
import { readShape } from './model-shape.js';
import { computeDtype, convertTensor, type TensorConversion } from './tensor-conversion.js';
import { planTensors, type TensorPlan } from './tensor-plan.js';
import { convertTokenizer, type TokenizerFiles } from './vocabulary/tokenizer.js';

export interface Conversion {
  /** By file name, each to be written as JSON. */
  files: Readonly<Record<string, object>>;
  tensors: readonly TensorConversion[];
}

/** Checks all of the file but the values of its tensors. Throws GgufError. */
export async function convertGguf(source: ByteSource): Promise<Conversion> {
  const { metadata, tensors } = readGgufHeader(source);
  const { name, architecture } = findArchitecture(metadata);
  const shape = readShape(metadata, name);
  const tokenizer = convertTokenizer(metadata, name, shape.contextLength);
  const plans = planTensors(tensors, architecture, shape, tokenizer.tokenCount);
  const model = { metadata, shape, tensors, plans, source };
  const dtype = computeDtype(plans);
  return {
    files: {
      'config.json': {
        ...commonConfig(model, architecture, tokenizer),
        ...(await architecture.config(model)),
        ...quantization(plans),
      },
      'tokenizer.json': tokenizer.tokenizer,
      'tokenizer_config.json': tokenizer.tokenizerConfig,
      'generation_config.json': tokenizer.generationConfig,
    },
    tensors: await Promise.all(plans.map((plan) => convertTensor(source, plan, dtype))),
  };
}

function commonConfig(
  { shape, plans }: ImportedModel,
  { className, modelType }: Architecture,
  tokenizer: TokenizerFiles,
): object {
  const embedding = plans.find((plan) => plan.target === 'model.embed_tokens.weight');
  return {
    architectures: [className],
    model_type: modelType,
    ...tokenizer.generationConfig,
    hidden_size: shape.hiddenSize,
    intermediate_size: shape.intermediateSize,
    num_hidden_layers: shape.layers,
    num_attention_heads: shape.heads,
    num_key_value_heads: shape.kvHeads,
    vocab_size: embedding?.source.shape[0],
    max_position_embeddings: shape.contextLength,
    rms_norm_eps: shape.rmsEps,
    rope_theta: shape.ropeTheta,
    tie_word_embeddings: !plans.some((plan) => plan.target === 'lm_head.weight'),
  };
}

/** The keys of config.json that say how weights are quantized: the most common way, and every exception by name. */
function quantization(plans: readonly TensorPlan[]): object {
  const bits = new Map<string, number>();
  for (const { source, target } of plans) {
    const format = blockFormat(source.type);
    if (format) bits.set(target.replace(/\.weight$/, ''), format.bits);
  }
  if (bits.size === 0) return {};
  const standard = mostCommon([...bits.values()]);
  const exceptions = [...bits].filter(([, width]) => width !== standard);
  const scheme = {
    group_size: GROUP_SIZE,
    bits: standard,
    mode: 'affine',
    ...Object.fromEntries(exceptions.map(([path, width]) => [path, { group_size: GROUP_SIZE, bits: width }])),
  };
  return { quantization: scheme, quantization_config: scheme };
}

/** The smallest of them when several are as common. */
function mostCommon(values: readonly number[]): number {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  const [[best = 0] = []] = [...counts].sort(([a, m], [b, n]) => n - m || a - b);
  return best;
}
