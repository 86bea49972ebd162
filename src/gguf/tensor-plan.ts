// Which tensors a model has, by their names and shapes in GGUF and in the MLX folder.
import { GgufError } from './errors.js';
import type { ModelShape } from './model-shape.js';
import type { TensorInfo } from './tensor-directory.js';

/** How the values of a tensor in GGUF differ from those in the MLX folder. */
interface Changes {
  /**
   * Rows of one attention head when they are in llama.cpp's order for its own rope (x0 y0 x1 y1 ...); they go back to
   * x0 x1 ... y0 y1 .... Absent for all other tensors.
   */
  headRows?: number;
  /** Gemma's norms multiply by 1 + weight; GGUF holds the sum. */
  lessOne?: boolean;
}

export interface TensorPlan extends Changes {
  source: TensorInfo;
  /** Name in the MLX folder; a quantized `X.weight` also makes `X.scales` and `X.biases`. */
  target: string;
}

export interface Slot extends Changes {
  source: string;
  target: string;
  shape: readonly number[];
  optional?: boolean;
}

/** The tensors of a model beside its layers, as an architecture has them. */
export interface TensorPlanner {
  layerSlots(slots: LayerSlots, shape: ModelShape): Slot[];
  /** Gemma's: the norm holds 1 + weight. */
  lessOne: boolean;
  /** Tensors of which config.json tells instead. */
  inConfig: readonly string[];
}

/** Makes the slots of one layer, by their names after `blk.N` and `model.layers.N`. */
export class LayerSlots {
  constructor(
    private readonly layer: number,
    private readonly lessOne: boolean,
  ) {}

  norm(from: string, to: string, size: number): Slot {
    return { ...this.slot(`${from}.weight`, `${to}.weight`, [size]), ...(this.lessOne && { lessOne: true }) };
  }

  /** A matrix of `out` rows, and its bias where there is one. */
  linear(from: string, to: string, [out, into]: readonly [number, number], headRows?: number): Slot[] {
    const order = headRows === undefined ? {} : { headRows };
    return [
      { ...this.slot(`${from}.weight`, `${to}.weight`, [out, into]), ...order },
      { ...this.slot(`${from}.bias`, `${to}.bias`, [out]), ...order, optional: true },
    ];
  }

  private slot(from: string, to: string, shape: readonly number[]): Slot {
    return { source: `blk.${this.layer}.${from}`, target: `model.layers.${this.layer}.${to}`, shape };
  }
}

/**
 * The tensors in the order of the file, each with its place in the MLX folder. Throws GgufError for a missing tensor, one
 * that does not belong, or a wrong shape. `tokens` is the size of the tokenizer's vocabulary.
 */
export function planTensors(
  tensors: ReadonlyMap<string, TensorInfo>,
  planner: TensorPlanner,
  shape: ModelShape,
  tokens: number,
): TensorPlan[] {
  const plans = new Map<string, TensorPlan>();
  for (const { source: name, shape: expected, optional, ...rest } of slots(planner, shape, tensors, tokens)) {
    const source = tensors.get(name);
    if (!source && optional) continue;
    if (!source) throw new GgufError(`the tensor ${name} is missing`);
    if (source.shape.join() !== expected.join()) {
      throw new GgufError(
        `the tensor ${name} has the shape [${source.shape}]; its metadata asks for [${expected}]`,
        source.entryOffset,
      );
    }
    plans.set(name, { source, ...rest });
  }
  for (const { name, entryOffset } of tensors.values()) {
    if (!plans.has(name) && !planner.inConfig.includes(name)) {
      throw new GgufError(`the tensor ${name} is not one of a model of this architecture`, entryOffset);
    }
  }
  return [...plans.values()].sort((a, b) => a.source.dataOffset - b.source.dataOffset);
}

function slots(
  planner: TensorPlanner,
  shape: ModelShape,
  tensors: ReadonlyMap<string, TensorInfo>,
  tokens: number,
): Slot[] {
  const { hiddenSize, layers } = shape;
  const embedding = [embeddingRows(tensors, tokens), hiddenSize];
  const norm = { source: 'output_norm.weight', target: 'model.norm.weight', shape: [hiddenSize] };
  return [
    { source: 'token_embd.weight', target: 'model.embed_tokens.weight', shape: embedding },
    { ...norm, ...(planner.lessOne && { lessOne: true }) },
    { source: 'output.weight', target: 'lm_head.weight', shape: embedding, optional: true },
    ...Array.from({ length: layers }, (_, i) => planner.layerSlots(new LayerSlots(i, planner.lessOne), shape)).flat(),
  ];
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

/**
 * Whether the linear layers of these names have biases. Throws GgufError when only some layers, or some linears of a
 * block, have one; `block` is what the message calls them.
 */
export function haveBiases(
  plans: readonly TensorPlan[],
  layers: number,
  block: string,
  linears: readonly string[],
): boolean {
  const targets = new Set(plans.map((plan) => plan.target));
  let found = 0;
  for (let layer = 0; layer < layers; layer++) {
    for (const name of linears) if (targets.has(`model.layers.${layer}.${name}.bias`)) found++;
  }
  if (found !== 0 && found !== linears.length * layers) {
    throw new GgufError(`only ${found} of the ${linears.length * layers} linear layers of the ${block} have a bias`);
  }
  return found > 0;
}
