// A sound little llama file, part by part, so that a test can spoil one of them.
import { array, f32, type GgufParts, key, type TensorEntry, TYPE, text, u32, writeGguf } from './gguf-writer.js';

const TOKENS = ['<s>', '</s>', 'a', 'b', 'ab', '1', '2', '3', '4', '12', '34', '1234'];
const MERGES = ['a b', '1 2', '3 4', '12 34'];
const HIDDEN = 32;
const F32 = 0;

const strings = (values: readonly string[]): Buffer => array(TYPE.string, values.map(text));
const integers = (values: readonly number[]): Buffer => array(TYPE.i32, values.map(u32));

/** By key: value type and bytes. */
export type Keys = Record<string, [type: number, value: Buffer] | undefined>;

export const str = (value: string): [number, Buffer] => [TYPE.string, text(value)];
export const int = (value: number): [number, Buffer] => [TYPE.u32, u32(value)];
export const real = (value: number): [number, Buffer] => [TYPE.f32, f32(value)];
export const list = (values: readonly string[]): [number, Buffer] => [TYPE.array, strings(values)];
export const ints = (values: readonly number[]): [number, Buffer] => [TYPE.array, integers(values)];

const SOUND: Keys = {
  'general.architecture': str('llama'),
  'llama.context_length': int(128),
  'llama.embedding_length': int(HIDDEN),
  'llama.block_count': int(1),
  'llama.feed_forward_length': int(HIDDEN),
  'llama.attention.head_count': int(2),
  'llama.attention.layer_norm_rms_epsilon': real(1e-6),
  'tokenizer.ggml.model': str('gpt2'),
  'tokenizer.ggml.pre': str('gpt-2'),
  'tokenizer.ggml.tokens': list(TOKENS),
  'tokenizer.ggml.token_type': ints(TOKENS.map((token) => (token.startsWith('<') ? 3 : 1))),
  'tokenizer.ggml.merges': list(MERGES),
  'tokenizer.ggml.bos_token_id': int(0),
  'tokenizer.ggml.eos_token_id': int(1),
};

export interface SmallTensor {
  /** Columns first, as the file has it. */
  dims: readonly number[];
  type?: number;
  data?: Buffer;
}

const matrix: SmallTensor = { dims: [HIDDEN, HIDDEN] };
const vector: SmallTensor = { dims: [HIDDEN] };

const SOUND_TENSORS: Record<string, SmallTensor | undefined> = {
  'token_embd.weight': { dims: [HIDDEN, TOKENS.length] },
  'output_norm.weight': vector,
  'blk.0.attn_norm.weight': vector,
  'blk.0.attn_q.weight': matrix,
  'blk.0.attn_k.weight': matrix,
  'blk.0.attn_v.weight': matrix,
  'blk.0.attn_output.weight': matrix,
  'blk.0.ffn_norm.weight': vector,
  'blk.0.ffn_gate.weight': matrix,
  'blk.0.ffn_up.weight': matrix,
  'blk.0.ffn_down.weight': matrix,
};

/** The file with some keys and tensors replaced; undefined takes one out. Tensors are F32 zeros unless told. */
export function smallLlama(keys: Keys = {}, tensors: Record<string, SmallTensor | undefined> = {}): Buffer {
  const entries: TensorEntry[] = [];
  const data: Buffer[] = [];
  let offset = 0;
  for (const [name, tensor] of Object.entries({ ...SOUND_TENSORS, ...tensors })) {
    if (!tensor) continue;
    const bytes = tensor.data ?? Buffer.alloc(4 * tensor.dims.reduce((a, b) => a * b, 1));
    const padded = Buffer.concat([bytes, Buffer.alloc((32 - (bytes.length % 32)) % 32)]);
    entries.push({ name, dims: tensor.dims, type: tensor.type ?? F32, offset });
    data.push(padded);
    offset += padded.length;
  }
  const parts: GgufParts = {
    keys: Object.entries({ ...SOUND, ...keys }).flatMap(([name, value]) => (value ? [key(name, ...value)] : [])),
    tensors: entries,
    data: Buffer.concat(data),
  };
  return writeGguf(parts);
}
