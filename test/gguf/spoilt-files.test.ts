// Sound files spoilt at random: each is converted, or refused with a reason, and nothing else ever happens.
import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { convertGguf } from '../../src/gguf/convert.js';
import { GgufError } from '../../src/gguf/errors.js';
import { memorySource } from './support/gguf-writer.js';
import { smallLlama } from './support/small-llama.js';
import { tinyLlama } from './support/tiny-llama.js';

const FOLDER = new URL('../fixtures/gguf/architectures/', import.meta.url);
const architectures = readdirSync(FOLDER).filter((name) => name.endsWith('.gguf'));
const SOUND: [name: string, file: Buffer][] = [
  ['tiny-llama', tinyLlama()],
  ['small-llama', smallLlama()],
  ...architectures.map((name): [string, Buffer] => [name, readFileSync(new URL(name, FOLDER))]),
];
const ROUNDS = 60;
/** Where headers are; most bytes of a file are weights, which may have any value. */
const HEADER_BYTES = 9000;

/** The same numbers in every run: a failure can be found again by its round. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** Some bytes changed, most of them in the header, and perhaps an end missing. */
function spoil(bytes: Buffer, round: number): Buffer {
  const next = random(round);
  const spoilt = Buffer.from(bytes);
  for (let i = next(4); i >= 0; i--) {
    const at = next(next(3) === 0 ? spoilt.length : Math.min(HEADER_BYTES, spoilt.length));
    spoilt[at] = [0, 0xff, 0x80, next(256)][next(4)] as number;
  }
  return next(4) === 0 ? spoilt.subarray(0, next(spoilt.length)) : spoilt;
}

/** Bytes of all pieces. Throws what the conversion does. */
async function convertWhole(bytes: Buffer): Promise<number> {
  const { tensors, files } = await convertGguf(memorySource(bytes));
  let written = JSON.stringify(files).length;
  for (const tensor of tensors) {
    for await (const { data } of tensor.pieces()) written += data.length;
  }
  return written;
}

it.each(SOUND)('%s', async (_, sound) => {
  expect(await convertWhole(sound)).toBeGreaterThan(0);
  let refused = 0;
  for (let round = 0; round < ROUNDS; round++) {
    try {
      await convertWhole(spoil(sound, round));
    } catch (error) {
      refused++;
      expect(error, `round ${round}`).toBeInstanceOf(GgufError);
    }
  }
  expect(refused).toBeGreaterThan(ROUNDS / 8);
});

it.each(SOUND)('%s, cut off', async (_, sound) => {
  for (let length = 0; length < sound.length; length += Math.ceil(sound.length / 40)) {
    await expect(convertWhole(sound.subarray(0, length)), `${length} bytes`).rejects.toBeInstanceOf(GgufError);
  }
});
