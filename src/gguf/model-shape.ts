// The sizes of a model from its metadata. The keys are alike for all architectures, behind the architecture's name.
import { GgufError } from './errors.js';
import type { Metadata } from './metadata.js';

export interface ModelShape {
  hiddenSize: number;
  intermediateSize: number;
  layers: number;
  heads: number;
  kvHeads: number;
  headDim: number;
  /** Of `headDim`, so many are rotated. */
  ropeDims: number;
  contextLength: number;
  rmsEps: number;
  ropeTheta: number;
}

export const MAX_WIDTH = 1 << 20;
export const MAX_CONTEXT = 2 ** 30;
const MAX_LAYERS = 4096;

/** `architecture` is the name in front of the keys. Throws GgufError for sizes that no model has. */
export function readShape(metadata: Metadata, architecture: string): ModelShape {
  const key = (name: string): string => `${architecture}.${name}`;
  const experts = metadata.integer(key('expert_count'), 0, MAX_WIDTH, 0);
  if (experts > 0) {
    throw metadata.error(key('expert_count'), `is ${experts}: mixtures of experts cannot be imported`);
  }
  const hiddenSize = metadata.integer(key('embedding_length'), 1, MAX_WIDTH);
  const heads = metadata.integer(key('attention.head_count'), 1, MAX_WIDTH);
  const kvHeads = metadata.integer(key('attention.head_count_kv'), 1, heads, heads);
  if (heads % kvHeads !== 0) {
    throw metadata.error(key('attention.head_count_kv'), `is ${kvHeads}, which does not divide ${heads} heads`);
  }
  const headDim = metadata.integer(key('attention.key_length'), 2, MAX_WIDTH, hiddenSize / heads);
  if (headDim % 2 !== 0) {
    throw new GgufError(`${hiddenSize} / ${heads} heads is no head size: it must be an even number`);
  }
  const valueDim = metadata.integer(key('attention.value_length'), 2, MAX_WIDTH, headDim);
  if (valueDim !== headDim) {
    throw metadata.error(key('attention.value_length'), `is ${valueDim}; keys have ${headDim}, and both must agree`);
  }
  return {
    hiddenSize,
    heads,
    kvHeads,
    headDim,
    ropeDims: metadata.integer(key('rope.dimension_count'), 2, headDim, headDim),
    intermediateSize: metadata.integer(key('feed_forward_length'), 1, MAX_WIDTH),
    layers: metadata.integer(key('block_count'), 1, MAX_LAYERS),
    contextLength: metadata.integer(key('context_length'), 1, MAX_CONTEXT),
    rmsEps: shortestF32(metadata.real(key('attention.layer_norm_rms_epsilon'), 0, 1)),
    ropeTheta: shortestF32(metadata.real(key('rope.freq_base'), 1, 1e12, 10_000)),
  };
}

/** Throws GgufError for a model that rotates a part of its heads only. */
export function requireWholeRope(metadata: Metadata, architecture: string, { ropeDims, headDim }: ModelShape): void {
  if (ropeDims === headDim) return;
  throw metadata.error(
    `${architecture}.rope.dimension_count`,
    `is ${ropeDims}; it must be the head size, ${headDim}, for ${architecture}`,
  );
}

/** The shortest decimal number that is this one in float32: 9.999999747378752e-06 was 1e-05 before it was stored. */
export function shortestF32(value: number): number {
  for (let digits = 1; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === Math.fround(value)) return short;
  }
  return value;
}
