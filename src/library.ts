// mlxd as a library: a model in this process, without a server.
import { z } from 'zod';
import type { FinishReason, ModelInfo } from './engine/types.js';
import { type LoadModelOptions, loadModel } from './services/load-model.js';
import { DEFAULT_MODEL, ModelStore } from './services/model-store.js';
import { type Reply, readReply } from './services/reply.js';
import type { ChatMessage, GenerationInput, ServedModel, Usage } from './services/types.js';

export interface LoadOptions extends Omit<LoadModelOptions, 'store'> {
  /** Folder of the models that are found by name. Default: ~/.mlxd/models, beside those of the package. */
  models?: string;
}

export interface ChatOptions {
  /** 0, which takes the likeliest token, to 2. Default: 1. */
  temperature?: number;
  /** Sample from the likeliest tokens that make up this probability. Default: 1, all. */
  topP?: number;
  /** Sample from so many of the likeliest tokens. Default: 0, all. */
  topK?: number;
  /** Leave out tokens less likely than this share of the likeliest. Default: 0. */
  minP?: number;
  /** Sample from the tokens whose surprise is nearest to the expected one, up to this probability. Default: 1, all. */
  typicalP?: number;
  /** How often, of the tokens as probable as `xtcThreshold` or more, only the least probable stays. Default: 0. */
  xtcProbability?: number;
  /** Default: 0.1. */
  xtcThreshold?: number;
  /** Above 1: fewer tokens that are among the last `repetitionWindow`. Default: 1. */
  repetitionPenalty?: number;
  /** Tokens of prompt and reply. Default: 0, all. */
  repetitionWindow?: number;
  /** Above 0: fewer tokens that the reply already has. -2 to 2; default: 0. */
  presencePenalty?: number;
  /** The same for each time that it has them. -2 to 2; default: 0. */
  frequencyPenalty?: number;
  /** By token id: -100, which bans it, to 100, which leaves no other. */
  logitBias?: ReadonlyMap<number, number>;
  /** Same seed, same reply. Default: random. */
  seed?: number;
  /** Default: the context that is left. */
  maxTokens?: number;
  /** Texts that end the reply and are not part of it. */
  stop?: string | readonly string[];
  /** Go on past the model's own end of turn. */
  ignoreEos?: boolean;
  /** Aborting it ends the reply with the finish reason `cancelled`. */
  signal?: AbortSignal;
}

export interface ChatDelta {
  /** What comes next; empty in the last delta and beside reasoning. */
  text: string;
  /** What the model thinks before its answer, where it marks that. */
  reasoning?: string;
  /** Only in the last delta, as is `usage`. */
  finishReason?: FinishReason;
  usage?: Usage;
}

const messagesSchema = z
  .array(
    z.object({
      role: z.enum(['system', 'user', 'assistant', 'tool']),
      content: z.string(),
      name: z.string().exactOptional(),
      reasoning: z.string().exactOptional(),
      toolCalls: z.array(z.object({ id: z.string(), name: z.string(), arguments: z.string() })).exactOptional(),
      toolCallId: z.string().exactOptional(),
    }),
  )
  .min(1);

const optionsSchema = z.strictObject({
  temperature: z.number().min(0).max(2).default(1),
  topP: z.number().gt(0).max(1).default(1),
  topK: z.int().min(0).default(0),
  minP: z.number().min(0).max(1).default(0),
  typicalP: z.number().min(0).max(1).exactOptional(),
  xtcProbability: z.number().min(0).max(1).exactOptional(),
  xtcThreshold: z.number().min(0).max(1).exactOptional(),
  repetitionPenalty: z.number().min(0.01).max(100).exactOptional(),
  repetitionWindow: z.int().min(0).exactOptional(),
  presencePenalty: z.number().min(-2).max(2).exactOptional(),
  frequencyPenalty: z.number().min(-2).max(2).exactOptional(),
  logitBias: z.map(z.int().min(0), z.number().min(-100).max(100)).exactOptional(),
  seed: z.int().min(0).exactOptional(),
  maxTokens: z.int().min(1).optional(),
  stop: z.union([z.string().min(1), z.array(z.string().min(1))]).default([]),
  ignoreEos: z.boolean().default(false),
  signal: z.instanceof(AbortSignal).optional(),
});

/**
 * Loads a model by name, or from its folder when given a path (absolute, or with `./` in front).
 * Throws an Error that says what is missing; see docs/library.md for the kinds.
 */
export async function load(nameOrPath: string = DEFAULT_MODEL, options: LoadOptions = {}): Promise<Model> {
  const { models, ...rest } = options;
  return new Model(await loadModel(nameOrPath, { ...rest, store: new ModelStore(models) }));
}

/** A loaded model. Several replies may run at once. */
export class Model {
  /** Use load(). */
  constructor(private readonly served: ServedModel) {}

  get id(): string {
    return this.served.id;
  }

  get info(): ModelInfo {
    return this.served.info;
  }

  /**
   * The reply to a conversation, piece by piece. Leaving the loop early cancels it. Throws TypeError for options and
   * messages that are not valid, EngineError, and ChatTemplateError for a conversation that the model cannot have.
   */
  async *chat(messages: readonly ChatMessage[], options: ChatOptions = {}): AsyncGenerator<ChatDelta, void, undefined> {
    for await (const delta of this.served.chat(toInput(messages, options), options.signal)) {
      if (delta.type === 'text') yield { text: delta.text };
      else if (delta.type === 'reasoning') yield { text: '', reasoning: delta.text };
      else if (delta.type === 'finish') yield { text: '', finishReason: delta.reason, usage: delta.usage };
    }
  }

  /** The whole reply to one message or to a conversation. Throws as chat() does. */
  async complete(prompt: string | readonly ChatMessage[], options: ChatOptions = {}): Promise<Reply> {
    const messages = typeof prompt === 'string' ? [{ role: 'user' as const, content: prompt }] : prompt;
    const reply = await readReply(this.served.chat(toInput(messages, options), options.signal));
    const { text, reasoning, finishReason, usage } = reply;
    return { text, ...(reasoning === undefined ? {} : { reasoning }), finishReason, usage };
  }

  /** Ends every reply and gives the memory back. Idempotent. */
  close(): Promise<void> {
    return this.served.close();
  }
}

function toInput(messages: readonly ChatMessage[], options: ChatOptions): GenerationInput {
  const { maxTokens, stop, ignoreEos, signal: _, ...sampling } = check('options', optionsSchema, options);
  return {
    messages: check('messages', messagesSchema, messages),
    sampling,
    ...(maxTokens === undefined ? {} : { maxTokens }),
    stop: typeof stop === 'string' ? [stop] : stop,
    ignoreEos,
  };
}

function check<T>(what: string, schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const place = [what, ...(issue?.path ?? [])].join('.');
  throw new TypeError(`${place}: ${issue?.message}`);
}
