// float32 values that are kept in 16 bits when that loses nothing.

/** The F16 bytes of F32 bytes (both little-endian), or undefined when a value would change. */
export function narrowToF16(bytes: Uint8Array): Uint8Array | undefined {
  return narrow(bytes, exactF16);
}

/** The BF16 bytes of F32 bytes, or undefined when a value would change. */
export function narrowToBf16(bytes: Uint8Array): Uint8Array | undefined {
  return narrow(bytes, (bits) => ((bits & 0xffff) === 0 ? bits >>> 16 : undefined));
}

function narrow(bytes: Uint8Array, toHalf: (bits: number) => number | undefined): Uint8Array | undefined {
  const input = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const output = new DataView(new ArrayBuffer(bytes.byteLength / 2));
  for (let at = 0; at < bytes.byteLength; at += 4) {
    const half = toHalf(input.getUint32(at, true));
    if (half === undefined) return undefined;
    output.setUint16(at / 2, half, true);
  }
  return new Uint8Array(output.buffer);
}

/** f16 bits of a float32 given by its bits; undefined when f16 has no such number. Subnormal ones are left alone. */
function exactF16(bits: number): number | undefined {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude === 0) return sign;
  const exponent = (magnitude >>> 23) - 127 + 15;
  const fits = exponent >= 1 && exponent <= 30 && (magnitude & 0x1fff) === 0;
  return fits ? sign | (exponent << 10) | ((magnitude >>> 13) & 0x3ff) : undefined;
}
