// `stream_options.include_obfuscation`: chunks of a stream get a field of random text, so that the length of a frame on an
// encrypted line tells little of the token in it. Pure but for chance.
import { randomBytes } from 'node:crypto';

/** Bytes of which a chunk's JSON has a multiple. */
const BLOCK = 64;
const EMPTY = ',"obfuscation":""';

export function obfuscated<T extends object>(chunk: T): T & { obfuscation: string } {
  const length = Buffer.byteLength(JSON.stringify(chunk)) + EMPTY.length;
  const missing = BLOCK - (length % BLOCK);
  return { ...chunk, obfuscation: randomBytes(missing).toString('base64url').slice(0, missing) };
}
