// What a request holds a reply to, compiled for a model. The model's vocabulary goes to the compiler once, when the first
// request needs it.
import { EngineError, type Grammar, type Vocabulary } from '../engine/types.js';
import type { GrammarTool } from '../text/grammar/calls.js';
import { contentGrammar, type TextConstraint } from '../text/grammar/content.js';
import { GbnfError, toLark } from '../text/grammar/gbnf.js';
import { checkSchema } from '../text/grammar/json-schema.js';
import type { JsonSchema } from '../text/grammar/lark.js';
import { type ReplyDemand, replyGrammar } from '../text/grammar/reply-grammar.js';
import type { ReplyFormat } from '../text/reply-format.js';
import type { Tokenizer } from '../text/types.js';
import type { GenerationInput, ToolDefinition } from './types.js';

/** What of a schema cannot be promised, and what a grammar is in Lark: to be asked before a request with one is served. */
export { checkSchema, GbnfError, toLark };

/** Compiles a grammar in llguidance's dialect of Lark. Rejects with EngineError `invalid_grammar`. */
export interface GrammarCompiler {
  compile(source: string): Promise<Grammar>;
}

export interface GrammarModel {
  tokenizer: Tokenizer;
  format: ReplyFormat;
  /** Tokens that the model has logits for. */
  vocabSize: number;
  stopTokens: readonly number[];
  /** Throws EngineError where there are no grammars. */
  makeCompiler(vocabulary: Vocabulary): GrammarCompiler;
}

export class ReplyGrammars {
  readonly #model: GrammarModel;
  #compiler: Promise<GrammarCompiler> | undefined;

  constructor(model: GrammarModel) {
    this.#model = model;
  }

  /** `thinking`: the prompt ends inside the tag that opens a thought. Undefined for a reply that may be anything. */
  async ofReply(input: GenerationInput, thinking: boolean): Promise<Grammar | undefined> {
    const { format, tokenizer } = this.#model;
    const source = replyGrammar({ format, tokens: tokenizer }, demandOf(input), thinking);
    return source === undefined ? undefined : this.#compile(source);
  }

  async ofText(constraint: TextConstraint | undefined): Promise<Grammar | undefined> {
    return constraint && this.#compile(contentGrammar(constraint));
  }

  async #compile(source: string): Promise<Grammar> {
    this.#compiler ??= vocabularyOf(this.#model).then((vocabulary) => this.#model.makeCompiler(vocabulary));
    return (await this.#compiler).compile(source);
  }
}

/** Calls are held to something where they are demanded, limited to some tools, or promised to fit a schema. */
function demandOf({ constraint, tools = [], toolChoice, parallelCalls = true }: GenerationInput): ReplyDemand {
  const { required = false, names } = toolChoice ?? {};
  const callable = names ? tools.filter(({ name }) => names.includes(name)) : tools;
  const isHeld = required || names !== undefined || callable.some(({ strict }) => strict) || constraint !== undefined;
  const calls = { tools: callable.map(toGrammarTool), required, parallel: parallelCalls };
  return { ...(constraint ? { text: constraint } : {}), ...(isHeld && callable.length > 0 ? { calls } : {}) };
}

/** Without the promise to fit it, a schema that cannot be enforced is for the model to read alone. */
function toGrammarTool({ name, parameters, strict = false }: ToolDefinition): GrammarTool {
  const schema: JsonSchema = parameters ? { type: 'object', ...parameters } : NO_ARGUMENTS;
  return { name, schema: strict || checkSchema(schema) === undefined ? schema : { type: 'object' } };
}

const NO_ARGUMENTS: JsonSchema = { type: 'object', properties: {}, additionalProperties: false };

/** What no text holds: tokens without bytes of their own begin with it. */
const NO_TEXT = 0xff;

/** Texts such as grammars force. How a tokenizer cuts them tells whether the engine can cut others. */
const SAMPLE =
  '{"name": "get_weather", "arguments": {"city": "Paris", "days": 12}}\n<function=now>\n' +
  '<parameter=unit>\ncelsius</parameter></function>\n[add_person(name="Zoë", age=30), now()] It\'s 2.5e-3, true, null. 東京';

async function vocabularyOf({ tokenizer, vocabSize, stopTokens }: GrammarModel): Promise<Vocabulary> {
  if (stopTokens.length === 0) {
    throw new EngineError('grammars_unavailable', 'This model has no token that ends a reply, which a grammar needs.');
  }
  const tokens = Array.from({ length: vocabSize }, (_, id) => {
    const bytes = tokenizer.tokenBytes(id);
    return bytes.length > 0 ? bytes : Uint8Array.of(NO_TEXT, ...new TextEncoder().encode(`<${id}>`));
  });
  const bytes = new Uint8Array(tokens.reduce((sum, token) => sum + token.length, 0));
  let at = 0;
  for (const token of tokens) {
    bytes.set(token, at);
    at += token.length;
  }
  return {
    bytes,
    lengths: Uint32Array.from(tokens, (token) => token.length),
    endTokens: Int32Array.from(stopTokens),
    sample: await tokenizer.encode(SAMPLE),
  };
}
