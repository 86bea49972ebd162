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

  constructor({ tokenizer, format }: { tokenizer: Tokenizer; format: ReplyFormat }) {
    this.#format = format;
    this.#tokens = revealTokens(tokenizer, replyMarkers(format, false));
    this.#tokensWithCalls = revealTokens(tokenizer, replyMarkers(format, true));
  }

  /** `thinking`: the prompt ends inside the tag that opens a thought. */
  make({ tools = [], parallelCalls = true, stop }: GenerationInput, thinking: boolean): ReplyReading {
    const parser = makeReplyParser(this.#format, { tools, thinking });
    const tokens = tools.length > 0 ? this.#tokensWithCalls : this.#tokens;
    return { tokens, stop, parallelCalls, ...(parser ? { parser } : {}) };
  }
}
