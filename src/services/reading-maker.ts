// How the replies of one model are read: which of its control tokens are text, and a parser for each reply.
import { revealTokens, type TokenTexts } from '../text/detokenizer.js';
import { endOfThought, makeReplyParser, type ReplyFormat, replyMarkers } from '../text/reply-format.js';
import { ChatTemplateError, type Tokenizer } from '../text/types.js';
import type { ReplyReading, ThoughtLimit } from './reply-reader.js';
import type { GenerationInput } from './types.js';

export class ReadingMaker {
  readonly #format: ReplyFormat;
  readonly #tokenizer: Tokenizer;
  readonly #tokens: TokenTexts;
  readonly #tokensWithCalls: TokenTexts;
  /** All control tokens readable. */
  readonly names: TokenTexts;

  constructor({ tokenizer, format }: { tokenizer: Tokenizer; format: ReplyFormat }) {
    this.#format = format;
    this.#tokenizer = tokenizer;
    this.#tokens = revealTokens(tokenizer, replyMarkers(format, false));
    this.#tokensWithCalls = revealTokens(tokenizer, replyMarkers(format, true));
    this.names = revealTokens(tokenizer, tokenizer.controlTokens);
  }

  /**
   * `thinking`: the prompt ends inside the tag that opens a thought. Throws ChatTemplateError for a budget of thoughts that
   * the model does not mark.
   */
  async make(input: GenerationInput, thinking: boolean): Promise<ReplyReading> {
    const { tools = [], parallelCalls = true, stop } = input;
    const thoughts = await this.#thoughtLimit(input);
    const parser = makeReplyParser(this.#format, { tools, thinking });
    const tokens = tools.length > 0 ? this.#tokensWithCalls : this.#tokens;
    return {
      tokens,
      names: this.names,
      stop,
      parallelCalls,
      ...(parser ? { parser } : {}),
      ...(thoughts ? { thoughts } : {}),
    };
  }

  async #thoughtLimit({ thinkingBudget: budget, tools = [] }: GenerationInput): Promise<ThoughtLimit | undefined> {
    if (budget === undefined) return undefined;
    const end = endOfThought(this.#format, tools.length > 0);
    if (end === undefined)
      throw new ChatTemplateError('budget', 'This model does not mark its thoughts: they cannot be limited.');
    return { budget, end: [...(await this.#tokenizer.encodePrompt(end))] };
  }
}
