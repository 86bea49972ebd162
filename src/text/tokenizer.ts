// A model's tokenizer: text to ids through a library, ids to bytes through our own table. Encoding is asynchronous; the
// rest is pure look-up.
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Piece } from './added-tokens.js';
import { AddedTokenSplitter } from './added-tokens.js';
import { isControlToken, unshield } from './control-tokens.js';
import { Detokenizer } from './detokenizer.js';
import { findCutPattern, PART_LENGTH, splitLongText } from './long-text.js';
import type { TokenBytes } from './token-bytes.js';
import { buildTokenBytes, leadingSpacesOf } from './token-bytes.js';
import type { TokenizerBackend } from './tokenizer-backends.js';
import { loadBackend } from './tokenizer-backends.js';
import type { AddedToken, Prefix, TokenizerDefinition } from './tokenizer-json.js';
import { parseTokenizerJson } from './tokenizer-json.js';
import type { Tokenizer } from './types.js';
import { TokenizerError } from './types.js';

/** A lone surrogate is no character and has no UTF-8. */
const LONE_SURROGATES = /\p{Surrogate}/gu;

/** Text given to the library in one call. */
const BATCH_LENGTH = 4 * PART_LENGTH;

/** Loads `folder`/tokenizer.json. Throws TokenizerError when it is missing, broken or of a kind that cannot generate. */
export async function loadTokenizer(folder: string, load = loadBackend): Promise<Tokenizer> {
  const path = join(folder, 'tokenizer.json');
  const source = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    const reason = error.code === 'ENOENT' ? 'has no tokenizer.json' : `tokenizer.json cannot be read (${error.code})`;
    throw new TokenizerError(`${folder}: ${reason}; a model folder needs one to turn text into tokens`, {
      cause: error,
    });
  });
  const name = join(basename(folder), 'tokenizer.json');
  try {
    const definition = parseTokenizerJson(source, name);
    return new LoadedTokenizer(definition, buildTokenBytes(definition, name), await load(definition.plainTextJson));
  } catch (error) {
    if (error instanceof TokenizerError) throw error;
    throw new TokenizerError(`${name} is not usable: ${(error as Error).message}`, { cause: error });
  }
}

class LoadedTokenizer implements Tokenizer {
  readonly vocabSize: number;
  readonly controlTokens: readonly string[];
  readonly longestToken: number;
  readonly leadingSpaces: number;
  readonly startTokens: readonly number[];
  readonly #backend: TokenizerBackend;
  readonly #bytes: TokenBytes;
  readonly #prefix: Prefix | undefined;
  readonly #cut: RegExp | undefined;
  readonly #addedIds: ReadonlyMap<string, number>;
  readonly #textSplitter: AddedTokenSplitter;
  readonly #promptSplitter: AddedTokenSplitter;

  constructor(definition: TokenizerDefinition, bytes: TokenBytes, backend: TokenizerBackend) {
    const { addedTokens } = definition;
    this.vocabSize = bytes.size;
    this.controlTokens = contents(addedTokens.filter(isControlToken)).sort((a, b) => b.length - a.length);
    this.longestToken = Math.max(1, bytes.longest);
    this.leadingSpaces = leadingSpacesOf(definition.decoder);
    this.#backend = backend;
    this.#bytes = bytes;
    this.#prefix = definition.prefix;
    this.#cut = findCutPattern(definition, backend);
    this.#addedIds = new Map(addedTokens.map((token) => [token.content, token.id]));
    this.startTokens = definition.startTokens.flatMap((token) => this.idOf(token) ?? []);
    this.#textSplitter = new AddedTokenSplitter(addedTokens.filter((token) => !isControlToken(token)));
    this.#promptSplitter = new AddedTokenSplitter(addedTokens);
  }

  encode(text: string): Promise<Int32Array> {
    return this.#encodePieces(this.#textSplitter.split(text));
  }

  encodePrompt(rendered: string): Promise<Int32Array> {
    const pieces = this.#promptSplitter.split(rendered);
    return this.#encodePieces(pieces.map((piece) => (typeof piece === 'string' ? unshield(piece) : piece)));
  }

  tokenBytes(id: number): Uint8Array {
    return this.#bytes.of(id);
  }

  decode(ids: Iterable<number>): string {
    const detokenizer = new Detokenizer(this);
    let text = '';
    for (const id of ids) text += detokenizer.push(id);
    return text + detokenizer.flush();
  }

  idOf(token: string): number | undefined {
    return this.#addedIds.get(token) ?? this.#backend.idOf(token);
  }

  async #encodePieces(pieces: readonly Piece[]): Promise<Int32Array> {
    const parts = pieces.flatMap((piece, index): Piece[] =>
      typeof piece === 'string' ? splitLongText(this.#prefixed(piece, index === 0), this.#cut) : [piece],
    );
    const ids: (readonly number[])[] = [];
    for (const batch of batches(parts)) {
      const encoded = await this.#backend.encode(batch.filter((part) => typeof part === 'string'));
      let next = 0;
      for (const part of batch) ids.push(typeof part === 'number' ? [part] : (encoded[next++] ?? []));
    }
    return Int32Array.from(ids.flat());
  }

  #prefixed(piece: string, first: boolean): string {
    const text = piece.replace(LONE_SURROGATES, '\uFFFD');
    const prefix = this.#prefix;
    if (prefix === undefined || (prefix.where === 'first' && !first)) return text;
    return prefix.unless.some((start) => text.startsWith(start)) ? text : prefix.text + text;
  }
}

/** Parts in order, in groups that a library takes in one call. */
function* batches(parts: readonly Piece[]): Generator<Piece[]> {
  let batch: Piece[] = [];
  let length = 0;
  for (const part of parts) {
    batch.push(part);
    length += typeof part === 'string' ? part.length : 0;
    if (length < BATCH_LENGTH) continue;
    yield batch;
    batch = [];
    length = 0;
  }
  if (batch.length > 0) yield batch;
}

function contents(tokens: readonly AddedToken[]): string[] {
  return tokens.map((token) => token.content);
}
