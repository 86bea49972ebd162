// The values of the template language: classes that the library makes but does not export, and a dictionary that it has
// not. Pure.
import { Environment } from '@huggingface/jinja';
import type { Value } from './python-text.js';

export interface Scope {
  readonly variables: Map<string, Value>;
  set(name: string, value: unknown): Value;
}

// The library's own declarations do not resolve under NodeNext: they import without a file extension.
export const RootScope = Environment as unknown as new () => Scope;

/** What is not defined. */
export const NOTHING = new RootScope().set('nothing', undefined);

const classOf = (value: unknown) => new RootScope().set('sample', value).constructor;
export const Text = classOf('') as new (value: string) => Value;
export const Truth = classOf(true) as new (value: boolean) => Value;
export const List = classOf([]) as new (items: readonly Value[]) => Value;
const Whole = classOf(1) as new (value: number) => Value;
const Callable = classOf(() => 1) as new (call: (args: readonly Value[]) => Value) => Value;
const Dictionary = classOf({}) as new (
  entries: Map<string, Value>,
) => Value & {
  readonly builtins: Map<string, Value>;
  keys(): Value;
  items(): Value;
};

/** A dictionary with whole numbers for keys. The library has texts for keys alone: it gets their digits. */
export class NumberedDictionary extends Dictionary {
  override readonly numbered = true;
  readonly #entries: readonly (readonly [key: number, item: Value])[];

  constructor(entries: readonly (readonly [key: number, item: Value])[]) {
    super(new Map(entries.map(([key, item]) => [String(key), item])));
    this.#entries = [...new Map(entries)];
    this.builtins.set('dictsort', new Callable((options) => this.#sorted(options)));
  }

  override keys(): Value {
    return new List(this.#entries.map(([key]) => new Whole(key)));
  }

  override items(): Value {
    return pairs(this.#entries);
  }

  #sorted(options: readonly Value[]): Value {
    if (options.length > 0) throw new Error('dictsort of a dictionary with numbers for keys takes no options');
    return pairs([...this.#entries].sort(([a], [b]) => a - b));
  }
}

const isContainer = ({ value }: Value): boolean => Array.isArray(value) || value instanceof Map;
const isNothing = ({ type }: Value): boolean => type === 'NullValue' || type === 'UndefinedValue';

/**
 * Python's `==` of two lists or dictionaries, which for the library are equal if they are one, and of None and what is not
 * defined, which are; undefined for other values.
 */
export function equalInPython(a: Value, b: Value): boolean | undefined {
  if (isNothing(a) && isNothing(b)) return a.type === b.type;
  return isContainer(a) && isContainer(b) ? isEqual(a.value, b.value) : undefined;
}

function isEqual(a: unknown, b: unknown): boolean {
  const equal = (one: Value, other: Value | undefined) => other !== undefined && isEqual(one.value, other.value);
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, i) => equal(item, b[i]));
  if (!(a instanceof Map && b instanceof Map)) return a === b;
  return a.size === b.size && [...a].every(([key, item]) => equal(item, b.get(key)));
}

const pairs = (entries: readonly (readonly [key: number, item: Value])[]): Value =>
  new List(entries.map(([key, item]) => new List([new Whole(key), item])));
