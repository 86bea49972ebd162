// What one token of a model costs at the least: bytes that must be read, multiply-adds that must be done.

import { closeSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

const configSchema = z.object({
  vocab_size: z.number(),
  max_position_embeddings: z.number(),
  num_hidden_layers: z.number(),
  hidden_size: z.number(),
  num_attention_heads: z.number(),
  num_key_value_heads: z.number(),
  head_dim: z.number().nullish(),
  quantization: z.object({ group_size: z.number() }),
});

const headerSchema = z.record(
  z.string(),
  z.object({ shape: z.array(z.number()), data_offsets: z.tuple([z.number(), z.number()]) }),
);
type Header = z.infer<typeof headerSchema>;

export interface ModelCost {
  vocabSize: number;
  contextLength: number;
  /** Read once a step, whatever the batch. */
  weightBytes: number;
  /** Read once a step for each position of each sequence, with keys and values in 16 bits. */
  kvBytesPerPosition: number;
  /** Of the layers' linears, for one token of a prompt. */
  multiplyAdds: number;
}

/** Reads config.json and the headers of the weights in an MLX folder whose linears are all quantized. */
export function modelCost(folder: string): ModelCost {
  const config = configSchema.parse(JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8')));
  const tensors = readHeaders(folder);
  const untied = Object.keys(tensors).some((name) => name.startsWith('lm_head.'));
  let weightBytes = 0;
  let multiplyAdds = 0;
  for (const [
    name,
    {
      shape,
      data_offsets: [start, end],
    },
  ] of Object.entries(tensors)) {
    const embedding = name.includes('embed_tokens.');
    // Of an embedding that is not the output matrix too, a step reads single rows.
    if (!(embedding && untied)) weightBytes += end - start;
    if (name.endsWith('.scales') && !embedding && !name.startsWith('lm_head.')) {
      multiplyAdds += shape.reduce((product, size) => product * size, config.quantization.group_size);
    }
  }
  const headDim = config.head_dim ?? config.hidden_size / config.num_attention_heads;
  return {
    vocabSize: config.vocab_size,
    contextLength: config.max_position_embeddings,
    weightBytes,
    kvBytesPerPosition: 2 * 2 * config.num_hidden_layers * config.num_key_value_heads * headDim,
    multiplyAdds,
  };
}

function readHeaders(folder: string): Header {
  const files = readdirSync(folder).filter((file) => file.endsWith('.safetensors'));
  return Object.assign({}, ...files.map((file) => readHeader(join(folder, file))));
}

/** A safetensors file starts with the length of its JSON header, 8 bytes, little-endian. */
function readHeader(file: string): Header {
  const handle = openSync(file, 'r');
  try {
    const prefix = Buffer.alloc(8);
    readSync(handle, prefix, 0, 8, 0);
    const json = Buffer.alloc(Number(prefix.readBigUInt64LE()));
    readSync(handle, json, 0, json.length, 8);
    const { __metadata__: _, ...tensors } = JSON.parse(json.toString('utf8')) as Record<string, unknown>;
    return headerSchema.parse(tensors);
  } finally {
    closeSync(handle);
  }
}
