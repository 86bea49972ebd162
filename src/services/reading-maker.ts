// How the replies of one model are read: which of its control tokens are text, and a parser for each reply.
import { revealTokens, type TokenTexts } from '../text/detokenizer.js';
import { makeReplyParser, type ReplyFormat, replyMarkers } from '../text/reply-format.js';
import type { Tokenizer } from '../text/types.js';
import type { ReplyReading } from './reply-reader.js';
import type { GenerationInput } from './types.js';

export class ReadingMaker {
  readonly #format: ReplyFormat;
  readonly #tokens: TokenTexts;
  readonly #tokensWithCalls: TokenTexts;
  /** All control tokens readable. */
  readonly names: TokenTexts;

  constructor({ tokenizer, format }: { tokenizer: Tokenizer; format: ReplyFormat }) {
    this.#format = format;
    this.#tokens = revealTokens(tokenizer, replyMarkers(format, false));
    this.#tokensWithCalls = revealTokens(tokenizer, replyMarkers(format, true));
    this.names = revealTokens(tokenizer, tokenizer.controlTokens);
  }

  /** `thinking`: the prompt ends inside the tag that opens a thought. */
  make({ tools = [], parallelCalls = true, stop }: GenerationInput, thinking: boolean): ReplyReading {
    const parser = makeReplyParser(this.#format, { tools, thinking });
    const tokens = tools.length > 0 ? this.#tokensWithCalls : this.#tokens;
    return { tokens, names: this.names, stop, parallelCalls, ...(parser ? { parser } : {}) };
  }
}
