// 16-bit floating point numbers by their bits: f16 and bf16.

/** The value of every f16, by its bits. */
export const F16_VALUES: Float32Array = Float32Array.from({ length: 1 << 16 }, (_, bits) => {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const mantissa = bits & 0x3ff;
  if (exponent === 0x1f) return mantissa ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return exponent === 0 ? sign * mantissa * 2 ** -24 : sign * (1 + mantissa / 1024) * 2 ** (exponent - 15);
});

export const isFinite16 = (half: number): boolean => (half & 0x7c00) !== 0x7c00;

export const readF16 = (bytes: Uint8Array, at: number): number =>
  (bytes[at] as number) | ((bytes[at + 1] as number) << 8);

const float = new Float32Array(1);
const floatBits = new Uint32Array(float.buffer);

/** The bits of the f16 nearest to a float32, the even one of two; infinite past f16's range. */
export function roundToF16(value: number): number {
  float[0] = value;
  const sign = ((floatBits[0] as number) >>> 16) & 0x8000;
  const magnitude = (floatBits[0] as number) & 0x7fffffff;
  if (magnitude > 0x7f800000) return 0x7e00;
  if (magnitude >= 0x47800000) return sign | 0x7c00;
  if (magnitude < 0x38800000) {
    // Subnormal: in a sum with 1/2 the last bit of a float32 is 2 ** -24, that of a subnormal f16.
    float[0] = Math.abs(value) + 0.5;
    return sign | ((floatBits[0] as number) - 0x3f000000);
  }
  const even = (magnitude >>> 13) & 1;
  return sign | ((magnitude - 0x38000000 + 0xfff + even) >>> 13);
}

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
