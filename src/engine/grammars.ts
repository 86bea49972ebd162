// Grammars compiled for one vocabulary, off the main thread. Those used last are kept: a schema comes again and again.
import { loadBinding, type NativeGrammarCompiler } from '../native/binding.js';
import { EngineError, type Grammar, type Vocabulary } from './types.js';

const KEPT = 64;
/** Characters of all sources that are kept, which bounds what their compiled forms take. */
const KEPT_LENGTH = 2 ** 20;

export class Grammars {
  readonly #compiler: NativeGrammarCompiler;
  /** By their sources, the one used last at the end. */
  readonly #kept = new Map<string, Promise<Grammar>>();
  #keptLength = 0;

  /** Throws EngineError `grammars_unavailable` in a build without them. */
  constructor(vocabulary: Vocabulary) {
    const { GrammarCompiler, runtime } = loadBinding();
    if (!runtime().grammars) {
      throw new EngineError(
        'grammars_unavailable',
        'This build of mlxd has no structured output: there was no Rust compiler (cargo 1.87 or newer) when it was built.',
      );
    }
    this.#compiler = new GrammarCompiler(vocabulary);
  }

  /** `source`: a grammar in llguidance's dialect of Lark. Rejects with EngineError `invalid_grammar`. */
  compile(source: string): Promise<Grammar> {
    const known = this.#kept.get(source);
    if (known) this.#kept.delete(source);
    else this.#keptLength += source.length;
    const grammar = known ?? this.#compile(source);
    this.#kept.set(source, grammar);
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= KEPT && this.#keptLength <= KEPT_LENGTH) break;
      this.#drop(oldest);
    }
    return grammar;
  }

  async #compile(source: string): Promise<Grammar> {
    try {
      return await this.#compiler.compile(source);
    } catch (error) {
      this.#drop(source);
      throw new EngineError('invalid_grammar', (error as Error).message);
    }
  }

  #drop(source: string): void {
    if (this.#kept.delete(source)) this.#keptLength -= source.length;
  }
}
