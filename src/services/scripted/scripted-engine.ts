// An engine that computes nothing: it plays the tokens that a script gives for a prompt, so that a test or a client's
// author sees each protocol path exactly as written. Development builds only: the package leaves this folder out.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { z } from 'zod';
import {
  type Engine,
  EngineError,
  type EngineRequest,
  type EngineStats,
  type ModelInfo,
  type TokenEvent,
} from '../../engine/types.js';
import { Detokenizer, revealTokens } from '../../text/detokenizer.js';
import type { Tokenizer } from '../../text/types.js';

const scriptSchema = z.strictObject({
  context_length: z.int().min(1).default(32_768),
  replies: z
    .array(
      z.strictObject({
        /** Text that the prompt holds, control tokens by their names; without it any prompt. The first that fits is played. */
        prompt: z.string().default(''),
        /** Each is one token if the vocabulary has it so, else the tokens that it is encoded to. */
        tokens: z.array(z.string()),
      }),
    )
    .min(1),
});

export type Script = z.output<typeof scriptSchema>;

/** Throws an Error that says what is wrong. */
export function parseScript(json: string): Script {
  const result = scriptSchema.safeParse(JSON.parse(json));
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw new Error(`The script is not valid: ${issue?.path.join('.')}: ${issue?.message}`);
}

const NO_STATS = {
  waiting: 0,
  heartbeatMs: 0,
  activeMemoryBytes: 0,
  peakMemoryBytes: 0,
  prefixes: { lookups: 0, hits: 0, reusedTokens: 0, evictions: 0, bytes: 0, entries: 0 },
  restarts: 0,
  failures: 0,
  lastError: '',
};

export class ScriptedEngine implements Engine {
  readonly info: ModelInfo;
  readonly ended: Promise<EngineError | undefined>;
  readonly #script: Script;
  readonly #tokenizer: Tokenizer;
  readonly #counts = { running: 0, promptTokens: 0, generatedTokens: 0 };
  #closed = false;
  #end!: () => void;

  constructor(script: Script, tokenizer: Tokenizer) {
    this.#script = script;
    this.#tokenizer = tokenizer;
    this.info = describe(script, tokenizer);
    this.ended = new Promise((resolve) => {
      this.#end = () => resolve(undefined);
    });
  }

  async *generate(request: EngineRequest, signal?: AbortSignal): AsyncGenerator<TokenEvent> {
    if (this.#closed) throw new EngineError('engine_closed', 'The engine is closed.');
    const tokens = await this.#reply(request);
    this.#counts.promptTokens += request.tokens.length;
    this.#counts.running += 1;
    try {
      yield* this.#play(tokens, request, signal);
    } finally {
      this.#counts.running -= 1;
    }
  }

  stats(): EngineStats {
    return { ...NO_STATS, ...this.#counts, state: this.#closed ? 'closed' : 'ready' };
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#end();
  }

  /** One token a turn of the event loop, so that each is a delta of its own. */
  async *#play(tokens: readonly number[], request: EngineRequest, signal?: AbortSignal): AsyncGenerator<TokenEvent> {
    const { stopTokens, maxTokens, sampling } = request;
    for (const [count, token] of tokens.entries()) {
      await nextTurn();
      if (signal?.aborted || this.#closed) return yield { type: 'finish', reason: 'cancelled' };
      if (stopTokens.includes(token)) return yield { type: 'finish', reason: 'stop' };
      if (count === maxTokens) return yield { type: 'finish', reason: 'length' };
      this.#counts.generatedTokens += 1;
      yield { type: 'token', token, ...(sampling.logprobs === undefined ? {} : { scores: [{ token, logprob: 0 }] }) };
    }
    yield { type: 'finish', reason: tokens.length >= maxTokens ? 'length' : 'stop' };
  }

  async #reply({ tokens }: EngineRequest): Promise<number[]> {
    const prompt = this.#read(tokens);
    const found = this.#script.replies.find((reply) => prompt.includes(reply.prompt));
    if (!found) throw new EngineError('invalid_request', 'The script has no reply to this prompt.');
    const encoded = await Promise.all(found.tokens.map((text) => this.#encode(text)));
    return encoded.flat();
  }

  #read(tokens: Int32Array): string {
    const detokenizer = new Detokenizer(revealTokens(this.#tokenizer, this.#tokenizer.controlTokens));
    return [...tokens].map((token) => detokenizer.push(token)).join('') + detokenizer.flush();
  }

  async #encode(text: string): Promise<number[]> {
    const id = this.#tokenizer.idOf(text);
    return id === undefined ? [...(await this.#tokenizer.encode(text))] : [id];
  }
}

function describe({ context_length: contextLength }: Script, { vocabSize }: Tokenizer): ModelInfo {
  return {
    modelType: 'scripted',
    contextLength,
    vocabSize,
    layers: 0,
    parameters: 0,
    weightBytes: 0,
    leftOutBytes: 0,
    eosTokens: [],
    loadMs: 0,
    device: 'cpu',
    kernels: 'scripted',
    mlxVersion: 'none',
  };
}
