// What the server and the commands know of a model that answers: messages in, text out. No wire names, no tokens.

import type { EngineStats, FinishReason, ModelInfo, SamplingParams } from '../engine/types.js';
import type { TextConstraint } from '../text/grammar/content.js';
import type { JsonSchema } from '../text/grammar/lark.js';

export type { JsonSchema, TextConstraint };

export interface ToolCall {
  id: string;
  name: string;
  /** JSON, as the model wrote it. */
  arguments: string;
}

export interface ChatMessage {
  role: 'system' | 'user' | 'assistant' | 'tool';
  content: string;
  name?: string;
  /** Of the assistant. */
  reasoning?: string;
  /** Of the assistant. */
  toolCalls?: readonly ToolCall[];
  /** Of a tool: the call that it answers. */
  toolCallId?: string;
}

/** A function that the model may call. */
export interface ToolDefinition {
  name: string;
  description?: string;
  /** JSON Schema of the arguments. */
  parameters?: JsonSchema;
  /** The arguments fit that schema, which checkSchema has passed. Default: the model does its best. */
  strict?: boolean;
}

/** Which calls a reply makes. */
export interface ToolChoice {
  /** It calls, and says nothing. */
  required: boolean;
  /** It calls none but these. Default: all tools may be called. */
  names?: readonly string[];
}

/** What a reply to messages and a completion of text have in common. */
export interface GenerationOptions {
  sampling: SamplingParams;
  /** Default: the context that is left. */
  maxTokens?: number;
  /** Text that ends the reply and is not part of it. Reasoning and tool calls may hold it. */
  stop: readonly string[];
  /** Go on past the model's end-of-turn tokens (for benchmarks); not together with a constraint. */
  ignoreEos: boolean;
  /** Prefixes are reused among requests of one salt only. */
  cacheSalt?: string;
  /** Inputs of one group, such as the choices of a request, have the same prompt: it is made once. */
  group?: object;
  /** What the text must be. Thoughts and calls are free of it. */
  constraint?: TextConstraint;
}

export interface CompletionInput extends GenerationOptions {
  /** Text, in which control tokens count, or tokens. */
  prompt: string | readonly number[];
  /** What comes after the text to be made. */
  suffix?: string;
}

export interface GenerationInput extends GenerationOptions {
  messages: readonly ChatMessage[];
  /** What the model may call. Default: nothing. */
  tools?: readonly ToolDefinition[];
  /** Default: the model chooses. */
  toolChoice?: ToolChoice;
  /** False ends the reply after one call. Default: true. */
  parallelCalls?: boolean;
  /** How much to think before the answer, in the template's own words; `none` turns it off. */
  reasoningEffort?: string;
  /** Tokens of reasoning; then the thought is ended for the model, and the answer goes on. Default: any number. */
  thinkingBudget?: number;
  /** More variables for the chat template. */
  templateVariables?: Readonly<Record<string, unknown>>;
}

/** What a prompt is made of. */
export type Conversation = Pick<GenerationInput, 'messages' | 'tools' | 'reasoningEffort' | 'templateVariables'>;

export interface Usage {
  promptTokens: number;
  /** How many of these came from the prefix cache. */
  cachedTokens: number;
  /** Every token the engine sampled for this reply, an end-of-turn token excepted. */
  completionTokens: number;
  /** Those of them that were reasoning, where the model marks it. */
  reasoningTokens?: number;
}

export interface ScoredText {
  /** What the token adds to a text: '' where it completes no character. */
  text: string;
  /** The token's own bytes, which may be a part of a character. */
  bytes: readonly number[];
  /** Natural logarithm of the model's own probability, before any rule of sampling. */
  logprob: number;
}

/** A token of the reply, and the best tokens at its place, descending. */
export interface TextLogprob extends ScoredText {
  best: readonly ScoredText[];
}

/** A token of an echoed prompt; the first has no log-probability, as nothing goes before it. */
export interface EchoedToken extends Omit<TextLogprob, 'logprob'> {
  logprob: number | null;
}

/** `tokens`, when asked for: their texts, joined, are the text. */
export interface Echo {
  text: string;
  tokens?: readonly EchoedToken[];
}

/**
 * `logprobs`, when asked for, are of the tokens whose text ends in this delta or before: over a whole reply their texts,
 * joined, are the reply's, with reasoning and calls as the model wrote them. Only with them `text` may be empty.
 */
export type TextDelta =
  | { type: 'text'; text: string; logprobs?: readonly TextLogprob[] }
  | { type: 'reasoning'; text: string }
  /** A call begins; neither its id nor its name changes. */
  | { type: 'tool-call'; index: number; id: string; name: string }
  /** More of the JSON of its arguments. */
  | { type: 'tool-arguments'; index: number; text: string }
  | { type: 'finish'; reason: FinishReason; usage: Usage };

export interface ServedModel {
  readonly id: string;
  /** Unix seconds: when its files were written. */
  readonly created: number;
  readonly info: ModelInfo;
  /** One reply. Throws EngineError or ChatTemplateError before the first delta where it can. */
  chat(input: GenerationInput, signal?: AbortSignal): AsyncIterable<TextDelta>;
  /** Goes on with a text. Throws EngineError. */
  complete(input: CompletionInput, signal?: AbortSignal): AsyncIterable<TextDelta>;
  /** What a completion echoes of its prompt, with `sampling.logprobs` those of its tokens. Throws as `complete`. */
  echo(input: CompletionInput, signal?: AbortSignal): Promise<Echo>;
  /** The tokens of a text, control tokens included; `start`: with what the model's texts begin with. */
  tokenize(text: string, start: boolean): Promise<readonly number[]>;
  /** The tokens of the prompt that `chat` would make. Throws ChatTemplateError. */
  tokenizeChat(conversation: Conversation): Promise<readonly number[]>;
  /** The text of tokens, control tokens left out. */
  detokenize(tokens: readonly number[]): string;
  /** Whether it can complete before a suffix. */
  readonly fillsMiddle: boolean;
  stats(): EngineStats;
  close(): Promise<void>;
}

/** The models a server offers. */
export interface ModelCatalog {
  list(): readonly ServedModel[];
  /** Undefined for a name that is not served. */
  get(id: string): ServedModel | undefined;
}
