// The metadata of a GGUF file of the llama architecture as Hugging Face's config keys.
import { GgufError } from './errors.js';
import type { Metadata } from './metadata.js';

export interface LlamaShape {
  hiddenSize: number;
  intermediateSize: number;
  layers: number;
  heads: number;
  kvHeads: number;
  headDim: number;
}

export interface LlamaConfig extends LlamaShape {
  contextLength: number;
  rmsEps: number;
  ropeTheta: number;
  /** `linear`, as the metadata tells it. Llama 3's kind is in a tensor: see rope-factors.ts. */
  ropeScaling?: { rope_type: 'linear'; factor: number };
}

const SUPPORTED_ARCHITECTURES = ['llama'];
const MAX_LAYERS = 4096;
const MAX_WIDTH = 1 << 20;
const MAX_CONTEXT = 2 ** 30;

export function readLlamaConfig(metadata: Metadata): LlamaConfig {
  const architecture = metadata.string('general.architecture');
  if (!SUPPORTED_ARCHITECTURES.includes(architecture)) {
    throw metadata.error(
      'general.architecture',
      `is ${JSON.stringify(architecture.slice(0, 64))}, which cannot be imported; supported: ${SUPPORTED_ARCHITECTURES.join(', ')}`,
    );
  }
  const shape = readShape(metadata);
  const ropeDimensions = metadata.integer('llama.rope.dimension_count', 1, MAX_WIDTH, shape.headDim);
  if (ropeDimensions !== shape.headDim) {
    throw metadata.error(
      'llama.rope.dimension_count',
      `is ${ropeDimensions}; it must be the head size, ${shape.headDim}`,
    );
  }
  const ropeScaling = readRopeScaling(metadata);
  return {
    ...shape,
    contextLength: metadata.integer('llama.context_length', 1, MAX_CONTEXT),
    rmsEps: shortestF32(metadata.real('llama.attention.layer_norm_rms_epsilon', 0, 1)),
    ropeTheta: shortestF32(metadata.real('llama.rope.freq_base', 1, 1e12, 10_000)),
    ...(ropeScaling ? { ropeScaling } : {}),
  };
}

function readShape(metadata: Metadata): LlamaShape {
  const experts = metadata.integer('llama.expert_count', 0, MAX_WIDTH, 0);
  if (experts > 0) throw metadata.error('llama.expert_count', `is ${experts}: mixtures of experts cannot be imported`);
  const hiddenSize = metadata.integer('llama.embedding_length', 1, MAX_WIDTH);
  const heads = metadata.integer('llama.attention.head_count', 1, MAX_WIDTH);
  const kvHeads = metadata.integer('llama.attention.head_count_kv', 1, heads, heads);
  if (heads % kvHeads !== 0) {
    throw metadata.error('llama.attention.head_count_kv', `is ${kvHeads}, which does not divide ${heads} heads`);
  }
  const headDim = metadata.integer('llama.attention.key_length', 2, MAX_WIDTH, hiddenSize / heads);
  if (headDim % 2 !== 0) {
    throw new GgufError(`${hiddenSize} / ${heads} heads is no head size: it must be an even number`);
  }
  const valueDim = metadata.integer('llama.attention.value_length', 2, MAX_WIDTH, headDim);
  if (valueDim !== headDim) {
    throw metadata.error('llama.attention.value_length', `is ${valueDim}; keys have ${headDim}, and both must agree`);
  }
  return {
    hiddenSize,
    heads,
    kvHeads,
    headDim,
    intermediateSize: metadata.integer('llama.feed_forward_length', 1, MAX_WIDTH),
    layers: metadata.integer('llama.block_count', 1, MAX_LAYERS),
  };
}

function readRopeScaling(metadata: Metadata): LlamaConfig['ropeScaling'] {
  const type = metadata.string('llama.rope.scaling.type', 'none');
  if (type === 'none') return undefined;
  if (type !== 'linear') {
    throw metadata.error(
      'llama.rope.scaling.type',
      `is ${JSON.stringify(type.slice(0, 64))}, which cannot be imported; supported: none, linear`,
    );
  }
  return { rope_type: 'linear', factor: shortestF32(metadata.real('llama.rope.scaling.factor', 1e-3, 1e6)) };
}

/** The shortest decimal number that is this one in float32: 9.999999747378752e-06 was 1e-05 before it was stored. */
function shortestF32(value: number): number {
  for (let digits = 1; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === Math.fround(value)) return short;
  }
  return value;
}
