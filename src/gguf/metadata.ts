// The key/value section of a GGUF file: parsing, and typed access that names the key when a value is not what it should be.
import type { Cursor } from './cursor.js';
import { GgufError } from './errors.js';

export type GgufValue = number | bigint | boolean | string | GgufValue[];

interface Entry {
  value: GgufValue;
  offset: number;
}

export const MAX_KEYS = 1 << 16;
const MAX_KEY_BYTES = 65_535;
const MAX_ARRAY_LENGTH = 1 << 22;
const MAX_ARRAY_DEPTH = 4;
const ARRAY_TYPE = 9;

/** By the number that the format gives each value type; `bytes` is the least that one value takes. */
const SCALARS: Record<number, { bytes: number; read: (cursor: Cursor) => GgufValue }> = {
  0: { bytes: 1, read: (c) => c.u8() },
  1: { bytes: 1, read: (c) => c.i8() },
  2: { bytes: 2, read: (c) => c.u16() },
  3: { bytes: 2, read: (c) => c.i16() },
  4: { bytes: 4, read: (c) => c.u32() },
  5: { bytes: 4, read: (c) => c.i32() },
  6: { bytes: 4, read: (c) => c.f32() },
  7: { bytes: 1, read: (c) => c.bool() },
  8: { bytes: 8, read: (c) => c.string('a string') },
  10: { bytes: 8, read: (c) => c.u64() },
  11: { bytes: 8, read: (c) => c.i64() },
  12: { bytes: 8, read: (c) => c.f64() },
};

function readValue(cursor: Cursor, depth = 0): GgufValue {
  const start = cursor.offset;
  const type = cursor.u32();
  if (type === ARRAY_TYPE) return readArray(cursor, depth);
  const scalar = SCALARS[type];
  if (!scalar) throw new GgufError(`${type} is not a value type of the format`, start);
  return scalar.read(cursor);
}

function readArray(cursor: Cursor, depth: number): GgufValue[] {
  const start = cursor.offset;
  const type = cursor.u32();
  const scalar = SCALARS[type];
  if (!scalar && type !== ARRAY_TYPE) throw new GgufError(`${type} is not a value type of the format`, start);
  if (depth === MAX_ARRAY_DEPTH) throw new GgufError(`arrays are nested deeper than ${MAX_ARRAY_DEPTH}`, start);
  const countAt = cursor.offset;
  const count = cursor.count('an array length', 0, MAX_ARRAY_LENGTH);
  // An inner array takes 12 bytes even when it is empty.
  const least = count * (scalar?.bytes ?? 12);
  if (least > cursor.remaining) {
    throw new GgufError(
      `an array of ${count} takes ${least} bytes, of which the file has ${cursor.remaining}`,
      countAt,
    );
  }
  const values: GgufValue[] = [];
  for (let i = 0; i < count; i++) values.push(scalar ? scalar.read(cursor) : readArray(cursor, depth + 1));
  return values;
}

export class Metadata {
  private constructor(private readonly entries: ReadonlyMap<string, Entry>) {}

  static parse(cursor: Cursor, count: number): Metadata {
    const entries = new Map<string, Entry>();
    for (let i = 0; i < count; i++) {
      const offset = cursor.offset;
      const key = cursor.string('a metadata key', MAX_KEY_BYTES);
      if (key === '') throw new GgufError('a metadata key is empty', offset);
      if (entries.has(key)) throw new GgufError(`the metadata key ${JSON.stringify(key)} is there twice`, offset);
      entries.set(key, { value: readValue(cursor), offset });
    }
    return new Metadata(entries);
  }

  // The getters throw when the key is not there, unless they are told what to return then.

  string<T = never>(key: string, ...absent: T[]): string | T {
    return this.get(key, 'a string', (value) => typeof value === 'string', absent);
  }

  boolean<T = never>(key: string, ...absent: T[]): boolean | T {
    return this.get(key, 'true or false', (value) => typeof value === 'boolean', absent);
  }

  integer<T = never>(key: string, min: number, max: number, ...absent: T[]): number | T {
    const fits = (value: GgufValue): value is number => Number.isInteger(value) && within(value as number, min, max);
    return this.get(key, `an integer of ${min} to ${max}`, fits, absent);
  }

  real<T = never>(key: string, min: number, max: number, ...absent: T[]): number | T {
    const fits = (value: GgufValue): value is number => typeof value === 'number' && within(value, min, max);
    return this.get(key, `a number of ${min} to ${max}`, fits, absent);
  }

  strings(key: string): string[] {
    const fits = (value: GgufValue): value is string[] =>
      Array.isArray(value) && value.every((v) => typeof v === 'string');
    return this.get(key, 'an array of strings', fits, []);
  }

  integers(key: string): number[] {
    const fits = (value: GgufValue): value is number[] =>
      Array.isArray(value) && value.every((v) => Number.isInteger(v));
    return this.get(key, 'an array of integers', fits, []);
  }

  reals(key: string): number[] {
    const fits = (value: GgufValue): value is number[] => Array.isArray(value) && value.every(Number.isFinite);
    return this.get(key, 'an array of finite numbers', fits, []);
  }

  /** An error about the value of a key that is there. */
  error(key: string, problem: string): GgufError {
    return new GgufError(`the metadata key ${key} ${problem}`, this.entries.get(key)?.offset);
  }

  /** `absent` holds what to return when the key is not there; empty when it has to be. */
  private get<V extends GgufValue, T>(
    key: string,
    expected: string,
    fits: (value: GgufValue) => value is V,
    absent: readonly T[],
  ): V | T {
    const entry = this.entries.get(key);
    if (!entry) {
      if (absent.length > 0) return absent[0] as T;
      throw new GgufError(`the metadata key ${key} is missing`);
    }
    if (fits(entry.value)) return entry.value;
    const { value } = entry;
    const found = Array.isArray(value) ? 'an array' : typeof value === 'string' ? 'a string' : String(value);
    throw this.error(key, `is ${found}; it must be ${expected}`);
  }
}

const within = (value: number, min: number, max: number): boolean => value >= min && value <= max;
