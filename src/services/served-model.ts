// A model that answers: an engine, a tokenizer and a chat template put together. Messages in, text out.
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Grammars } from '../engine/grammars.js';
import { type LoadOptions, loadEngine } from '../engine/native-engine.js';
import { superviseEngine } from '../engine/supervised-engine.js';
import { type Engine, EngineError, type EngineStats, type Grammar, type ModelInfo } from '../engine/types.js';
import { type ChatTemplateFiles, readChatTemplateFiles } from '../text/chat-template-files.js';
import { canFillMiddle } from '../text/fill-in-the-middle.js';
import { findReplyFormat } from '../text/reply-format.js';
import { loadTokenizer } from '../text/tokenizer.js';
import type { ToolCallFormatName } from '../text/tool-calls/formats.js';
import type { Tokenizer } from '../text/types.js';
import { generateText } from './generation.js';
import { findEndOfTurn, makePrompt, type Prompt, type PromptMaker } from './prompt.js';
import { scoreEcho } from './prompt-echo.js';
import { encodeRaw, type RawPrompt, rawPrompt } from './raw-prompt.js';
import { ReadingMaker } from './reading-maker.js';
import { type GrammarModel, ReplyGrammars } from './reply-grammars.js';
import type { ReplyReading } from './reply-reader.js';
import { TemplateRenderer } from './template-renderer.js';
import type {
  CompletionInput,
  Conversation,
  Echo,
  GenerationInput,
  GenerationOptions,
  ServedModel,
  TextDelta,
} from './types.js';

export interface OpenModelOptions extends Omit<LoadOptions, 'modelPath' | 'prefillChunk'> {
  /** The name under which it is served. */
  id: string;
  /** A folder with config.json, *.safetensors, tokenizer.json and a chat template. */
  folder: string;
  /** How the model writes tool calls; default: as its chat template says. */
  toolFormat?: ToolCallFormatName;
}

/** The parts of a model that answers. */
export interface ModelParts {
  id: string;
  /** Unix seconds. */
  created: number;
  engine: Engine;
  tokenizer: Tokenizer;
  template: ChatTemplateFiles;
  /** Default: as the template says. */
  toolFormat?: ToolCallFormatName;
  /** Default: the addon's. */
  makeGrammarCompiler?: GrammarModel['makeCompiler'];
}

/**
 * Loads a model from its folder. A model without a chat template loads too: `chat` says then what is missing. Throws
 * TokenizerError, EngineError (`model_load_failed`), NativeLoadError, and the signal's reason when that was aborted.
 */
export async function openModel(all: OpenModelOptions): Promise<ServedModel> {
  const { id, folder, signal, toolFormat, ...options } = all;
  const given = new AbortController();
  const either = signal ? AbortSignal.any([signal, given.signal]) : given.signal;
  const { onProgress, ...again } = { ...options, modelPath: folder };
  const loading = superviseEngine((closing) =>
    loadEngine(closing ? { ...again, signal: closing } : { ...options, modelPath: folder, signal: either }),
  );
  try {
    const [engine, tokenizer, template, { mtimeMs }] = await Promise.all([
      loading,
      loadTokenizer(folder),
      readChatTemplateFiles(folder),
      stat(join(folder, 'config.json')),
    ]);
    const created = Math.floor(mtimeMs / 1000);
    return await serveModel({ id, created, engine, tokenizer, template, ...(toolFormat ? { toolFormat } : {}) });
  } catch (error) {
    given.abort();
    const engine = await loading.catch(() => undefined);
    await engine?.close();
    throw error;
  }
}

/** A model of parts that are loaded already; it closes the engine. */
export async function serveModel({ template, ...parts }: ModelParts): Promise<ServedModel> {
  const { id: model, tokenizer, engine } = parts;
  const format = findReplyFormat(template.template ?? '', parts.toolFormat);
  const maker = { model, tokenizer, template, format, renderer: new TemplateRenderer() };
  const eosToken = template.specialTokens.eos_token;
  const ends = [
    ...engine.info.eosTokens,
    eosToken === undefined ? undefined : tokenizer.idOf(eosToken),
    await findEndOfTurn(maker),
  ];
  const stopTokens = [...new Set(ends.filter((token) => token !== undefined))];
  return new ChatModel(parts, maker, stopTokens);
}

class ChatModel implements ServedModel {
  readonly id: string;
  readonly created: number;
  readonly #engine: Engine;
  readonly #maker: PromptMaker;
  readonly #readings: ReadingMaker;
  readonly #grammars: ReplyGrammars;
  readonly #stopTokens: readonly number[];
  readonly #promptsOfGroups = new WeakMap<object, Promise<Prompt>>();
  readonly #rawPromptsOfGroups = new WeakMap<object, Promise<RawPrompt>>();
  #closed = false;

  constructor(
    { id, created, engine, makeGrammarCompiler }: Omit<ModelParts, 'template'>,
    maker: PromptMaker,
    stopTokens: readonly number[],
  ) {
    this.id = id;
    this.created = created;
    this.#engine = engine;
    this.#maker = maker;
    this.#readings = new ReadingMaker(maker);
    this.#stopTokens = stopTokens;
    this.#grammars = new ReplyGrammars({
      ...maker,
      vocabSize: engine.info.vocabSize,
      stopTokens,
      makeCompiler: makeGrammarCompiler ?? ((vocabulary) => new Grammars(vocabulary)),
    });
  }

  get info(): ModelInfo {
    return this.#engine.info;
  }

  async *chat(input: GenerationInput, signal?: AbortSignal): AsyncGenerator<TextDelta> {
    if (this.#closed) throw new EngineError('engine_closed', `the model ${this.id} is closed`);
    this.#refuseHopeless(lengthOf(input.messages.map(({ content }) => content)));
    const { tokens, thinking } = await this.#promptOf(input);
    const reading = await this.#readings.make(input, thinking);
    const grammar = await this.#grammars.ofReply(input, thinking);
    yield* this.#generate({ tokens, grammar }, input, reading, signal);
  }

  async *complete(input: CompletionInput, signal?: AbortSignal): AsyncGenerator<TextDelta> {
    if (this.#closed) throw new EngineError('engine_closed', `the model ${this.id} is closed`);
    const { tokenizer } = this.#maker;
    const { tokens } = await this.#rawPromptOf(input);
    if (input.maxTokens === 0) {
      yield {
        type: 'finish',
        reason: 'length',
        usage: { promptTokens: tokens.length, cachedTokens: 0, completionTokens: 0 },
      };
      return;
    }
    const { names } = this.#readings;
    const grammar = await this.#grammars.ofText(input.constraint);
    yield* this.#generate({ tokens, grammar }, input, { tokens: tokenizer, names, stop: input.stop }, signal);
  }

  async echo(input: CompletionInput, signal?: AbortSignal): Promise<Echo> {
    const { prompt, sampling, cacheSalt } = input;
    if (sampling.logprobs === undefined) return { text: typeof prompt === 'string' ? prompt : this.detokenize(prompt) };
    const { tokens, added } = await this.#rawPromptOf(input);
    this.#roomAfter(tokens);
    const { names } = this.#readings;
    const texts = typeof prompt === 'string' ? names : this.#maker.tokenizer;
    const salted = cacheSalt === undefined ? {} : { cacheSalt };
    return scoreEcho({ engine: this.#engine, tokens, added, texts, names, ...salted }, sampling.logprobs, signal);
  }

  get fillsMiddle(): boolean {
    return canFillMiddle(this.#maker.tokenizer);
  }

  async tokenize(text: string, start: boolean): Promise<readonly number[]> {
    const { tokenizer } = this.#maker;
    const tokens = [...(await encodeRaw(tokenizer, text))];
    return start && tokens[0] !== tokenizer.startTokens[0] ? [...tokenizer.startTokens, ...tokens] : tokens;
  }

  async tokenizeChat(conversation: Conversation): Promise<readonly number[]> {
    return [...(await makePrompt(this.#maker, conversation)).tokens];
  }

  detokenize(tokens: readonly number[]): string {
    return this.#maker.tokenizer.decode(tokens);
  }

  #generate(
    { tokens, grammar }: { tokens: Int32Array; grammar: Grammar | undefined },
    { sampling, maxTokens, ignoreEos, cacheSalt }: GenerationOptions,
    reading: ReplyReading,
    signal: AbortSignal | undefined,
  ): AsyncIterable<TextDelta> {
    const room = this.#roomAfter(tokens);
    const stopTokens = ignoreEos ? [] : this.#stopTokens;
    const limits = { maxTokens: Math.min(maxTokens ?? room, room), stopTokens };
    const salted = cacheSalt === undefined ? {} : { cacheSalt };
    const request = { tokens, sampling, ...limits, ...salted, ...(grammar ? { grammar } : {}) };
    return generateText({ engine: this.#engine, request, reading }, signal);
  }

  stats(): EngineStats {
    return this.#engine.stats();
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([this.#engine.close(), this.#maker.renderer.close()]);
  }

  #promptOf(input: GenerationInput): Promise<Prompt> {
    const check = (characters: number) => this.#refuseHopeless(characters);
    return oncePerGroup(this.#promptsOfGroups, input.group, () => makePrompt(this.#maker, input, check));
  }

  #rawPromptOf(input: CompletionInput): Promise<RawPrompt> {
    if (typeof input.prompt === 'string') this.#refuseHopeless(lengthOf([input.prompt, input.suffix ?? '']));
    return oncePerGroup(this.#rawPromptsOfGroups, input.group, () => rawPrompt(this.#maker.tokenizer, input));
  }

  /** Megabytes of text for a small context are refused before they are templated and encoded, which takes seconds. */
  #refuseHopeless(characters: number): void {
    const { contextLength } = this.info;
    const { longestToken, controlTokens } = this.#maker.tokenizer;
    const least = Math.ceil(characters / Math.max(longestToken, controlTokens[0]?.length ?? 0));
    if (least < contextLength) return;
    throw new EngineError(
      'context_length_exceeded',
      `your prompt of ${characters} characters makes at least ${least} tokens, which leaves none of the context's ${contextLength} for a reply`,
    );
  }

  /** Tokens of the context that a prompt leaves for the reply. */
  #roomAfter(tokens: Int32Array): number {
    const { contextLength } = this.info;
    if (tokens.length < contextLength) return contextLength - tokens.length;
    throw new EngineError(
      'context_length_exceeded',
      `your prompt resulted in ${tokens.length} tokens, which leaves none of the context's ${contextLength} for a reply`,
    );
  }
}

const lengthOf = (texts: readonly string[]): number => texts.reduce((sum, text) => sum + text.length, 0);

/** What `make` makes, for all of a group the first time. */
function oncePerGroup<T>(
  made: WeakMap<object, Promise<T>>,
  group: object | undefined,
  make: () => Promise<T>,
): Promise<T> {
  if (!group) return make();
  const known = made.get(group) ?? make();
  made.set(group, known);
  return known;
}
