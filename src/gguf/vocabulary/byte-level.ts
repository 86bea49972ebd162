// Byte-level BPE, GGUF's tokenizer model `gpt2`: every byte is a character of its own, and merges are in the file.
import type { Metadata } from '../metadata.js';
import { readPreTokenizer } from './pre-tokenizers.js';
import { bpe, type TextModel } from './text-model.js';
import type { Vocabulary } from './vocabulary.js';

const MERGES = 'tokenizer.ggml.merges';

export function readByteLevel(metadata: Metadata, { ids }: Vocabulary): TextModel {
  const { normalizer, preTokenizer, ignoreMerges, addBos } = readPreTokenizer(metadata);
  return {
    normalizer,
    preTokenizer,
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: bpe(ids, readMerges(metadata, ids), { ignoreMerges }),
    addBos,
  };
}

function readMerges(metadata: Metadata, ids: ReadonlyMap<string, number>): [string, string][] {
  return metadata.strings(MERGES).map((merge, i) => {
    const [left, right, ...rest] = merge.split(' ');
    const isPair = left && right && rest.length === 0 && ids.has(left) && ids.has(right) && ids.has(left + right);
    if (!isPair) {
      throw metadata.error(MERGES, `has entry ${i}, ${JSON.stringify(merge.slice(0, 64))}, which is no pair of tokens`);
    }
    return [left, right];
  });
}
