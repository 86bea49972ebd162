// What reads blocks of a quantized type.
import type { AffineGroups } from './affine-groups.js';

/** Reads `blocks` blocks from the start of `source`, and adds the groups that they make. */
export type BlockReader = (source: Uint8Array, blocks: number, out: AffineGroups) => void;

/** A reader of blocks of `bytes` bytes from one of the block at `at`. */
export function eachBlock(
  bytes: number,
  read: (source: Uint8Array, at: number, out: AffineGroups) => void,
): BlockReader {
  return (source, blocks, out) => {
    for (let block = 0; block < blocks; block++) read(source, block * bytes, out);
  };
}
