// What the header may hold, and every lie that it is caught in.
import { describe, expect, it } from 'vitest';
import { GgufError } from '../../src/gguf/errors.js';
import { readGgufHeader } from '../../src/gguf/gguf-file.js';
import {
  array,
  f32,
  type GgufParts,
  key,
  memorySource,
  TYPE,
  text,
  u32,
  u64,
  writeGguf,
} from './support/gguf-writer.js';
import { tinyLlama } from './support/tiny-llama.js';

const read = (parts: GgufParts) => readGgufHeader(memorySource(writeGguf(parts)));

describe('a sound header', () => {
  it('of the gguf package is read whole', () => {
    const { version, metadata, tensors } = readGgufHeader(memorySource(tinyLlama()));
    expect(version).toBe(3);
    expect(metadata.string('general.architecture')).toBe('llama');
    expect(metadata.strings('test.languages')).toEqual(['en', 'fr']);
    expect(metadata.real('test.double', 0, 1)).toBe(0.1);
    expect(metadata.boolean('tokenizer.ggml.add_bos_token')).toBe(false);
    expect(() => metadata.integer('test.big', 0, 9)).toThrow('test.big is 9223372036854775809');
    expect(tensors.size).toBe(12);
    expect(tensors.get('blk.0.ffn_down.weight')).toMatchObject({ shape: [32, 64], type: { name: 'Q8_0' } });
  });

  it('may have version 2, another alignment, nested arrays', () => {
    const { tensors } = read({
      version: 2,
      alignment: 64,
      keys: [
        key('general.alignment', TYPE.u32, u32(64)),
        key('nested', TYPE.array, array(TYPE.array, [array(TYPE.u8, [Buffer.of(1)]), array(TYPE.u8, [])])),
      ],
      tensors: [{ name: 'a', dims: [4], type: 0, offset: 64 }],
      data: Buffer.alloc(80),
    });
    expect((tensors.get('a')?.dataOffset as number) % 64).toBe(0);
  });
});

const vector = { name: 'a', dims: [8], type: 0, offset: 0 };
const data = Buffer.alloc(64);
const twoTo40 = 2n ** 40n;

const LIES: [string, GgufParts, RegExp][] = [
  ['another magic', { magic: 'GGML' }, /not a GGUF file.*at byte 0/],
  ['version 1', { version: 1 }, /version 1 .*supported are 2 and 3 \(at byte 4\)/],
  ['big-endian', { version: 0x03000000 }, /big-endian/],
  ['a tensor count past all bounds', { tensorCount: 2n ** 63n }, /the tensor count is 9223372036854775808.*at byte 8/],
  ['a key count past all bounds', { keyCount: 2n ** 64n - 1n }, /the metadata count is .*at byte 16/],
  ['more keys than there are', { keyCount: 5 }, /at byte 24/],
  ['more tensors than there are', { tensorCount: 5, tensors: [vector], data }, /a tensor has no name/],
  ['a key twice', { keys: [key('a', TYPE.u8, Buffer.of(1)), key('a', TYPE.u8, Buffer.of(1))] }, /"a" is there twice/],
  ['an empty key', { keys: [key('', TYPE.u8, Buffer.of(1))] }, /key is empty \(at byte 24\)/],
  ['a value type that is none', { keys: [key('a', 13, u32(0))] }, /13 is not a value type/],
  ['a boolean of 2', { keys: [key('a', TYPE.bool, Buffer.of(2))] }, /boolean holds 2/],
  ['a string past the end', { keys: [key('a', TYPE.string, u64(2n ** 62n))] }, /claims 4611686018427387904 bytes/],
  ['text that is not UTF-8', { keys: [key('a', TYPE.string, Buffer.concat([u64(1), Buffer.of(0xff)]))] }, /UTF-8/],
  ['an array past the end', { keys: [key('a', TYPE.array, array(TYPE.u64, [], 1000))] }, /takes 8000 bytes/],
  [
    'an array without end',
    { keys: [key('a', TYPE.array, array(TYPE.u8, [], twoTo40))] },
    /array length is 1099511627776/,
  ],
  [
    'arrays in arrays without end',
    { keys: [key('a', TYPE.array, Buffer.concat(new Array(99).fill(Buffer.concat([u32(9), u64(1)]))))] },
    /nested deeper than 4/,
  ],
  ['one part of three', { keys: [key('split.count', TYPE.u32, u32(3))] }, /split.count is 3: .*join the parts/],
  ['an alignment of 0', { keys: [key('general.alignment', TYPE.u32, u32(0))] }, /alignment is 0; .*at byte/],
  ['an alignment of 12', { keys: [key('general.alignment', TYPE.u32, u32(12))] }, /multiple of 8/],
  ['an alignment in words', { keys: [key('general.alignment', TYPE.string, text('big'))] }, /alignment is a string/],
  ['a tensor twice', { tensors: [vector, { ...vector, offset: 32 }], data }, /tensor a is there twice/],
  ['a tensor without name', { tensors: [{ ...vector, name: '' }], data }, /no name/],
  ['a name with an escape', { tensors: [{ ...vector, name: '\x1b[2Ja' }], data }, /printable ASCII \(at byte 24\)/],
  ['a name without end', { tensors: [{ ...vector, name: 'x'.repeat(300) }], data }, /at most 256/],
  ['a tensor past the end', { tensors: [{ ...vector, dims: [99] }], data }, /tensor a ends at byte .*cut off or lies/],
  ['an offset past the end', { tensors: [{ ...vector, offset: twoTo40 }], data }, /tensor a ends at byte/],
  ['an offset past all bounds', { tensors: [{ ...vector, offset: 2n ** 64n - 32n }], data }, /data offset of a is/],
  ['an offset that is not aligned', { tensors: [{ ...vector, offset: 4 }], data }, /not a multiple of 32/],
  [
    'overlap',
    {
      tensors: [
        { ...vector, dims: [9] },
        { ...vector, name: 'b', offset: 32 },
      ],
      data,
    },
    /a and b overlap/,
  ],
  ['no dimensions', { tensors: [{ ...vector, dims: [] }], data }, /has 0 dimensions/],
  ['five dimensions', { tensors: [{ ...vector, dims: [1, 1, 1, 1, 1] }], data }, /has 5 dimensions/],
  ['a dimension of 0', { tensors: [{ ...vector, dims: [0] }], data }, /dimension 0 of the tensor a is 0/],
  ['dimensions that overflow', { tensors: [{ ...vector, dims: [twoTo40, twoTo40] }], data }, /too many elements/],
  [
    'a type that is not read',
    { tensors: [{ ...vector, type: 18 }], data },
    /type IQ3_XXS, which is not supp.*Q4_0, Q4_1/,
  ],
  ['a type of nobody', { tensors: [{ ...vector, type: 999 }], data }, /type number 999/],
  ['half a block', { tensors: [{ ...vector, dims: [48], type: 2 }], data }, /rows of 48 .*multiple of 32/],
  [
    'an eighth of a super-block',
    { tensors: [{ ...vector, dims: [32], type: 12 }], data },
    /rows of 32 .*multiple of 256/,
  ],
];

describe('a lying header', () => {
  it.each(LIES)('is refused: %s', (_, parts, message) => {
    expect(() => read(parts)).toThrow(GgufError);
    expect(() => read(parts)).toThrow(message);
  });

  it('is refused wherever it is cut', () => {
    const whole = writeGguf({ keys: [key('a.b', TYPE.f32, f32(1))], tensors: [vector], data: Buffer.alloc(32) });
    for (let length = 0; length < whole.length; length++) {
      const cut = whole.subarray(0, length);
      expect(() => readGgufHeader(memorySource(cut)), `${length} bytes`).toThrow(GgufError);
    }
    expect(readGgufHeader(memorySource(whole)).tensors.size).toBe(1);
  });

  it('is refused when the file is shorter than it says', () => {
    expect(() => readGgufHeader(memorySource(writeGguf({ keys: [] }).subarray(0, 20), 500))).toThrow('ends early');
  });
});
