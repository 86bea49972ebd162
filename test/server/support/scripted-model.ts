// A `ServedModel` that says what the test tells it, when the test tells it, and records what was asked. No timers.
import type { EngineStats, FinishReason, ModelInfo } from '../../../src/engine/types.js';
import type {
  CompletionInput,
  Conversation,
  Echo,
  GenerationInput,
  ModelCatalog,
  ScoredText,
  ServedModel,
  TextDelta,
  Usage,
} from '../../../src/services/types.js';
import { Arrivals, Playback } from '../../support/playback.js';

const INFO: ModelInfo = {
  modelType: 'scripted',
  contextLength: 128,
  vocabSize: 512,
  layers: 1,
  parameters: 0,
  weightBytes: 0,
  leftOutBytes: 0,
  eosTokens: [],
  loadMs: 0,
  device: 'cpu',
  kernels: 'avx2',
  precision: 'exact',
  mlxVersion: '0',
};

export const PROMPT_TOKENS = 7;

/** One generation, driven by the test. */
export class ScriptedCall {
  /** Resolves when the request was aborted. */
  readonly cancelled: Promise<void>;
  /** Deltas that the server has taken. */
  taken = 0;
  readonly #playback = new Playback<TextDelta>();
  #tokens = 0;
  #cachedTokens = 0;

  constructor(
    private readonly asked: GenerationInput | CompletionInput,
    readonly signal: AbortSignal | undefined,
  ) {
    this.cancelled = new Promise((resolve) => {
      const cancel = () => {
        this.finish('cancelled');
        resolve();
      };
      if (signal?.aborted) cancel();
      signal?.addEventListener('abort', cancel, { once: true });
    });
  }

  /** What was asked of `chat`. */
  get input(): GenerationInput {
    return this.asked as GenerationInput;
  }

  /** What was asked of `complete`. */
  get completion(): CompletionInput {
    return this.asked as CompletionInput;
  }

  /** So much of the prompt was in the prefix cache. */
  reuse(tokens: number): this {
    this.#cachedTokens = tokens;
    return this;
  }

  /** One delta a text, one token each. */
  say(...texts: string[]): this {
    for (const text of texts) this.#put({ type: 'text', text });
    this.#tokens += texts.length;
    return this;
  }

  /** One delta with the log-probability of its one token. */
  sayScored(text: string, logprob: number, best: readonly ScoredText[]): this {
    this.#tokens += 1;
    const own = { text, bytes: [...Buffer.from(text)], logprob };
    return this.#put({ type: 'text', text, logprobs: [{ ...own, best }] });
  }

  /** Any deltas, one token each. */
  give(...deltas: TextDelta[]): this {
    for (const delta of deltas) this.#put(delta);
    this.#tokens += deltas.length;
    return this;
  }

  finish(reason: FinishReason = 'stop', counts: Partial<Usage> = {}): this {
    const cachedTokens = this.#cachedTokens;
    const usage = { promptTokens: PROMPT_TOKENS, cachedTokens, completionTokens: this.#tokens, ...counts };
    return this.#put({ type: 'finish', reason, usage });
  }

  fail(error: Error): this {
    return this.#put(error);
  }

  async *deltas(): AsyncGenerator<TextDelta> {
    for await (const delta of this.#playback.events()) {
      this.taken += 1;
      yield delta;
    }
  }

  #put(delta: TextDelta | Error): this {
    this.#playback.put(delta);
    return this;
  }
}

export class ScriptedModel implements ServedModel, ModelCatalog {
  readonly created = 1_700_000_000;
  readonly info = INFO;
  readonly facts: EngineStats = {
    state: 'ready',
    waiting: 0,
    running: 0,
    promptTokens: 0,
    generatedTokens: 0,
    heartbeatMs: 3,
    activeMemoryBytes: 1000,
    peakMemoryBytes: 2000,
    failures: 0,
    lastError: '',
    prefixes: { lookups: 0, hits: 0, reusedTokens: 0, evictions: 0, bytes: 0, entries: 0 },
    restarts: 0,
  };
  readonly #arrivals = new Arrivals<ScriptedCall>();

  /** `play` drives every generation as it starts; without it the test takes each one with `nextCall()`. */
  constructor(
    readonly id = 'scripted/model',
    private readonly play?: (call: ScriptedCall, index: number) => void,
  ) {}

  chat(input: GenerationInput, signal?: AbortSignal): AsyncIterable<TextDelta> {
    return this.#begin(input, signal);
  }

  complete(input: CompletionInput, signal?: AbortSignal): AsyncIterable<TextDelta> {
    return this.#begin(input, signal);
  }

  readonly fillsMiddle = false;

  /** A token a character; 0 before them. */
  async tokenize(text: string, start: boolean): Promise<readonly number[]> {
    return [...(start ? [0] : []), ...[...text].map((character) => character.codePointAt(0) ?? 0)];
  }

  async tokenizeChat({ messages }: Conversation): Promise<readonly number[]> {
    return this.tokenize(messages.map(({ content }) => content).join('\n'), true);
  }

  async echo({ prompt, sampling }: CompletionInput): Promise<Echo> {
    const text = typeof prompt === 'string' ? prompt : this.detokenize(prompt);
    if (sampling.logprobs === undefined) return { text };
    const tokens = [...text].map((letter, index) => {
      return { text: letter, bytes: [...Buffer.from(letter)], logprob: index === 0 ? null : -index, best: [] };
    });
    return { text, tokens };
  }

  detokenize(tokens: readonly number[]): string {
    return String.fromCodePoint(...tokens);
  }

  #begin<Input extends GenerationInput | CompletionInput>(
    input: Input,
    signal: AbortSignal | undefined,
  ): AsyncIterable<TextDelta> {
    const call = new ScriptedCall(input, signal);
    this.#arrivals.add(call);
    this.play?.(call, this.calls.length - 1);
    return call.deltas();
  }

  /** Every generation so far, oldest first. */
  get calls(): readonly ScriptedCall[] {
    return this.#arrivals.all;
  }

  /** The next generation that no `nextCall()` has returned yet, as soon as it starts. */
  nextCall(): Promise<ScriptedCall> {
    return this.#arrivals.next();
  }

  stats(): EngineStats {
    return this.facts;
  }

  async close(): Promise<void> {}

  list(): readonly ServedModel[] {
    return [this];
  }

  get(id: string): ServedModel | undefined {
    return id === this.id ? this : undefined;
  }
}
