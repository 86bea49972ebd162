// Turns the token events of one reply into deltas: text, and what of it is reasoning or tool calls. Pure; one a reply.
import { randomBytes } from 'node:crypto';
import type { EngineRequest, FinishReason, TokenEvent } from '../engine/types.js';
import { Detokenizer, type TokenTexts } from '../text/detokenizer.js';
import type { ReplyParser, ReplyPart } from '../text/reply-parts.js';
import { StopMatcher } from '../text/stop.js';
import { TextLogprobs } from './text-logprobs.js';
import type { TextDelta } from './types.js';

export interface ReplyReading {
  /** The model's tokens, those that the parser looks for readable. */
  tokens: TokenTexts;
  /** The same, all control tokens readable: for those that the reply might have had instead. Default: `tokens`. */
  names?: TokenTexts;
  /** Absent where the reply is nothing but text. */
  parser?: ReplyParser;
  /** Text that ends the reply and is not part of it: looked for in what is neither reasoning nor a call. */
  stop: readonly string[];
  /** False ends the reply before a second call. Default: true. */
  parallelCalls?: boolean;
  /** Default: thoughts of any length. */
  thoughts?: ThoughtLimit;
}

export interface ThoughtLimit {
  /** Tokens of reasoning. */
  budget: number;
  /** The tokens that end a thought. */
  end: readonly number[];
}

type Piece = Exclude<TextDelta, { type: 'finish' }>;

export class ReplyReader {
  readonly #detokenizer: Detokenizer;
  readonly #parser: ReplyParser | undefined;
  readonly #matcher: StopMatcher;
  readonly #logprobs: TextLogprobs | undefined;
  readonly #parallelCalls: boolean;
  readonly #thoughts: ThoughtLimit | undefined;
  readonly #promptTokens: number;
  /** The tokens of the reply so far, those of a thought's end that was not sampled included. */
  readonly completion: number[] = [];
  #cachedTokens = 0;
  #reasoningTokens = 0;
  /** Characters of raw text since the last delta with log-probabilities. */
  #rawLength = 0;
  #finished = false;

  constructor(
    { tokens, names = tokens, parser, stop, parallelCalls = true, thoughts }: ReplyReading,
    { tokens: prompt, sampling }: EngineRequest,
  ) {
    this.#detokenizer = new Detokenizer(tokens);
    this.#parser = parser;
    this.#matcher = new StopMatcher(stop);
    this.#logprobs = sampling.logprobs === undefined ? undefined : new TextLogprobs(tokens, names);
    this.#parallelCalls = parallelCalls;
    this.#thoughts = thoughts;
    this.#promptTokens = prompt.length;
  }

  get finished(): boolean {
    return this.#finished;
  }

  /** Whether the reply thinks on though its budget is spent: then it must be told to end its thought. */
  get thinksTooLong(): boolean {
    const { budget } = this.#thoughts ?? { budget: Number.POSITIVE_INFINITY };
    return !this.#finished && Boolean(this.#parser?.thinking) && this.#reasoningTokens >= budget;
  }

  /** The deltas of the end of a thought, which was not sampled: its tokens are certain. */
  endThought(): TextDelta[] {
    const pieces: Piece[] = [];
    for (const token of this.#thoughts?.end ?? []) {
      const scores = this.#logprobs ? { scores: [{ token, logprob: 0 }] as const } : {};
      this.#readToken({ type: 'token', token, ...scores }, pieces);
    }
    this.#addLogprobs(pieces);
    return pieces;
  }

  /** The deltas of events that came together, neighbours of one kind as one. Nothing after the end. */
  read(events: readonly TokenEvent[]): TextDelta[] {
    const pieces: Piece[] = [];
    let reason: FinishReason | undefined;
    for (const event of events) {
      if (event.type === 'prompt-token') continue;
      if (event.type === 'reused') {
        if (this.completion.length === 0) this.#cachedTokens = event.tokens;
        continue;
      }
      if (event.type === 'finish') reason = event.reason;
      const whole = event.type === 'token' ? this.#readToken(event, pieces) : this.#readRest(pieces);
      if (!whole || this.#matcher.stopped) reason = 'stop';
      if (reason !== undefined || this.thinksTooLong) break;
    }
    this.#finished = reason !== undefined;
    this.#addLogprobs(pieces);
    if (reason === undefined) return pieces;
    const usage = {
      promptTokens: this.#promptTokens,
      cachedTokens: this.#cachedTokens,
      completionTokens: this.completion.length,
      ...(this.#parser ? { reasoningTokens: this.#reasoningTokens } : {}),
    };
    return [...pieces, { type: 'finish', reason, usage }];
  }

  /** Adds what the token makes to `pieces`; false when the reply must not go on. */
  #readToken({ token, scores }: Extract<TokenEvent, { type: 'token' }>, pieces: Piece[]): boolean {
    this.completion.push(token);
    const text = this.#detokenizer.push(token);
    if (scores) this.#logprobs?.push(scores, text);
    if (!this.#parser) return this.#addText(this.#matcher.push(text), pieces);
    this.#rawLength += text.length;
    const wasThinking = this.#parser.thinking;
    const parts = this.#parser.push(text);
    if (wasThinking || this.#parser.thinking) this.#reasoningTokens += 1;
    return this.#addParts(parts, pieces);
  }

  #readRest(pieces: Piece[]): boolean {
    const text = this.#detokenizer.flush();
    this.#logprobs?.pushRest(text);
    this.#rawLength += text.length;
    const parts: ReplyPart[] = this.#parser
      ? [...this.#parser.push(text), ...this.#parser.flush()]
      : [{ type: 'text', text }];
    return this.#addParts(parts, pieces) && this.#addText(this.#matcher.flush(), pieces);
  }

  #addParts(parts: readonly ReplyPart[], pieces: Piece[]): boolean {
    for (const part of parts) {
      if (this.#matcher.stopped) return false;
      if (part.type === 'text') {
        this.#addText(this.#matcher.push(part.text), pieces);
      } else if (part.type === 'tool-call') {
        if (part.index > 0 && !this.#parallelCalls) return false;
        const { index, name, id = `call_${randomBytes(12).toString('hex')}` } = part;
        pieces.push({ type: 'tool-call', index, name, id });
      } else {
        addPiece(part, pieces);
      }
    }
    return true;
  }

  #addText(text: string, pieces: Piece[]): true {
    if (text !== '') addPiece({ type: 'text', text }, pieces);
    return true;
  }

  /** Where a parser takes text away, the tokens are those of the raw reply; else exactly those of the text. */
  #addLogprobs(pieces: Piece[]): void {
    if (!this.#logprobs) return;
    const shown = pieces.find((piece) => piece.type === 'text');
    const logprobs = this.#logprobs.release(this.#parser ? this.#rawLength : (shown?.text.length ?? 0));
    this.#rawLength = 0;
    if (this.#finished) logprobs.push(...this.#logprobs.finish());
    if (shown) shown.logprobs = logprobs;
    else if (logprobs.length > 0) pieces.push({ type: 'text', text: '', logprobs });
  }
}

function addPiece(piece: Exclude<Piece, { type: 'tool-call' }>, pieces: Piece[]): void {
  const last = pieces.at(-1);
  if (last?.type === piece.type) last.text += piece.text;
  else pieces.push({ ...piece });
}
