// Reads a tokenizer.json: checks it, takes the added tokens and the prefix out of it, and hands on the rest.
// What is left for a library is plain text to ids; which text is a control token is decided by us alone.
import { z } from 'zod';
import { isControlToken } from './control-tokens.js';
import { TokenizerError } from './types.js';

const addedToken = z.object({
  id: z.int().nonnegative(),
  content: z.string().min(1),
  special: z.boolean().default(false),
  lstrip: z.boolean().default(false),
  rstrip: z.boolean().default(false),
  single_word: z.boolean().default(false),
});

/** A normalizer, pre-tokenizer or decoder: `type` and fields of its own; a Sequence holds more of them. */
export interface Component {
  type: string;
  [field: string]: unknown;
}
const component = z.looseObject({ type: z.string() });

const tokenizerJson = z.looseObject({
  added_tokens: z.array(addedToken).default([]),
  normalizer: component.nullish(),
  pre_tokenizer: component.nullish(),
  decoder: component.nullish(),
  post_processor: component.nullish(),
  model: z.looseObject({
    type: z.string().optional(),
    // Large: `vocabOf` looks at the entries; the merges' are left to the library.
    vocab: z.custom<Record<string, number> | [string, number][]>(
      (value) => typeof value === 'object' && value !== null,
    ),
    merges: z.custom<(string | [string, string])[]>(Array.isArray).optional(),
    unk_token: z.string().nullish(),
  }),
});
type TokenizerJson = z.infer<typeof tokenizerJson>;

export type AddedToken = z.infer<typeof addedToken>;

/** Text that SentencePiece models put in front of a text, as if it came after a space. */
export interface Prefix {
  text: string;
  /** In front of the first part of a text only, or also after each added token. */
  where: 'first' | 'each';
  /** Not in front of a text that starts with one of these. */
  unless: readonly string[];
}

export interface TokenizerDefinition {
  addedTokens: readonly AddedToken[];
  /** Every token's text by id, holes undefined. */
  tokens: readonly (string | undefined)[];
  decoder: Component | undefined;
  normalizer: Component | undefined;
  prefix: Prefix | undefined;
  /** Texts of the tokens that stand before a text. */
  startTokens: readonly string[];
  /** A tokenizer.json for a library, that only turns plain text into ids. */
  plainTextJson: string;
}

/** Throws TokenizerError; `name` is what its message calls the file. */
export function parseTokenizerJson(source: string, name: string): TokenizerDefinition {
  const json = parse(source, name);
  const controlTokens = new Set(json.added_tokens.filter(isControlToken).map((token) => token.content));
  const tokens = vocabOf(json, name);
  const { prefix, normalizer, preTokenizer } = withoutPrefix(json);
  const plain = {
    ...json,
    normalizer: normalizer ?? null,
    pre_tokenizer: preTokenizer ?? null,
    model: withoutControlTokens(json.model, controlTokens),
    added_tokens: [],
    decoder: null,
    post_processor: null,
    truncation: null,
    padding: null,
  };
  return {
    addedTokens: json.added_tokens,
    tokens,
    decoder: json.decoder ?? undefined,
    normalizer,
    prefix,
    startTokens: startTokensOf(json.post_processor),
    plainTextJson: JSON.stringify(plain),
  };
}

const templateProcessing = z.object({
  type: z.literal('TemplateProcessing'),
  single: z.array(z.looseObject({ SpecialToken: z.object({ id: z.string() }).optional() })),
});

/** What a post-processor puts before a text. */
function startTokensOf(processor: Component | null | undefined): string[] {
  for (const part of partsOf(processor)) {
    const template = templateProcessing.safeParse(part);
    if (!template.success) continue;
    const { single } = template.data;
    const text = single.findIndex(({ SpecialToken }) => SpecialToken === undefined);
    return single.slice(0, Math.max(0, text)).flatMap(({ SpecialToken }) => SpecialToken?.id ?? []);
  }
  return [];
}

/** The parts of a component in order: a Sequence's, or itself. */
export function partsOf(part: Component | null | undefined): Component[] {
  if (part === null || part === undefined) return [];
  if (part.type !== 'Sequence') return [part];
  const list = part.normalizers ?? part.pretokenizers ?? part.decoders ?? part.processors;
  return Array.isArray(list) ? z.array(component).parse(list).flatMap(partsOf) : [];
}

function parse(source: string, name: string): TokenizerJson {
  let value: unknown;
  try {
    value = JSON.parse(source);
  } catch (error) {
    throw new TokenizerError(`${name} is not valid JSON: ${(error as Error).message}`, { cause: error });
  }
  const result = tokenizerJson.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const where = issue?.path.join('.') ?? '';
  throw new TokenizerError(`${name} is not a tokenizer: ${where === '' ? '' : `${where}: `}${issue?.message ?? ''}`);
}

function vocabOf(json: TokenizerJson, name: string): (string | undefined)[] {
  const { vocab } = json.model;
  const tokens: (string | undefined)[] = [];
  const entries = Array.isArray(vocab)
    ? vocab.map((entry: unknown, id) => [Array.isArray(entry) ? entry[0] : entry, id] as const)
    : Object.entries(vocab);
  const limit = 2 * (entries.length + json.added_tokens.length) + 65_536;
  const put = (token: unknown, id: unknown) => {
    if (typeof token !== 'string' || !Number.isInteger(id) || (id as number) < 0 || (id as number) > limit) {
      throw new TokenizerError(`${name}: the vocabulary gives ${JSON.stringify(token)} the id ${JSON.stringify(id)}`);
    }
    tokens[id as number] = token;
  };
  for (const [token, id] of entries) put(token, id);
  for (const { content, id } of json.added_tokens) put(content, id);
  if (tokens.length === 0) throw new TokenizerError(`${name} has an empty vocabulary`);
  return tokens;
}

/** A model that cannot make a control token out of plain text, whatever merges it has. */
function withoutControlTokens(model: TokenizerJson['model'], controlTokens: ReadonlySet<string>): object {
  const { vocab, merges, unk_token } = model;
  // The unknown token must stay: it is what the model gives for a character that it does not have.
  const unwanted = (token: string) => controlTokens.has(token) && token !== unk_token;
  if (Array.isArray(vocab)) {
    // Unigram: the index is the id, so the piece stays, under a name that no text has.
    const pieces = vocab.map(([piece, score], id) => [unwanted(piece) ? `\uFDD1${id}\uFDD1` : piece, score]);
    return { ...model, vocab: pieces };
  }
  if (![...controlTokens].some((token) => Object.hasOwn(vocab, token))) return model;
  const kept = merges?.filter((merge) => {
    const [left = '', right = ''] = Array.isArray(merge) ? merge : String(merge).split(' ');
    return !(unwanted(left) || unwanted(right) || controlTokens.has(left + right));
  });
  const plainVocab = Object.fromEntries(Object.entries(vocab).filter(([token]) => !unwanted(token)));
  return { ...model, vocab: plainVocab, ...(kept && { merges: kept }) };
}

interface Unprefixed {
  prefix: Prefix | undefined;
  normalizer: Component | undefined;
  preTokenizer: Component | undefined;
}

/**
 * Takes over the two ways to say "put a space in front": a library would do it to every piece that it is given, and
 * cannot know which piece stands first or was cut off from the one before.
 */
function withoutPrefix(json: TokenizerJson): Unprefixed {
  const normalizers = partsOf(json.normalizer);
  const preTokenizers = partsOf(json.pre_tokenizer);
  let prefix: Prefix | undefined;
  const prepend = normalizers.find((part) => part.type === 'Prepend');
  if (prepend) prefix = { text: String(prepend.prepend), where: 'each', unless: [] };
  const metaspace = preTokenizers.find((part) => part.type === 'Metaspace');
  const scheme = metaspaceScheme(metaspace);
  if (metaspace && scheme !== 'never') {
    const text = String(metaspace.replacement ?? '▁');
    prefix = { text, where: scheme === 'first' ? 'first' : 'each', unless: [' ', text] };
  }
  return {
    prefix,
    normalizer: sequence(
      'normalizers',
      normalizers.filter((part) => part !== prepend),
    ),
    preTokenizer: sequence(
      'pretokenizers',
      preTokenizers.map((part) =>
        part === metaspace ? { ...part, prepend_scheme: 'never', add_prefix_space: false } : part,
      ),
    ),
  };
}

/** When a Metaspace component writes or drops the leading space; files before 2023 have a boolean for it. */
export function metaspaceScheme(metaspace: Component | undefined): 'always' | 'first' | 'never' {
  if (metaspace === undefined) return 'never';
  const scheme = metaspace.prepend_scheme;
  if (scheme === 'always' || scheme === 'first' || scheme === 'never') return scheme;
  return metaspace.add_prefix_space === false ? 'never' : 'always';
}

function sequence(key: 'normalizers' | 'pretokenizers', parts: Component[]): Component | undefined {
  return parts.length < 2 ? parts[0] : { type: 'Sequence', [key]: parts };
}
