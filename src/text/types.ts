// The tokenizer and the errors of this folder, as the rest of the program sees them.

export interface Tokenizer {
  /** Ids below this have bytes. */
  readonly vocabSize: number;
  /** Texts of the control tokens, `<|im_end|>` and the like, longest first. */
  readonly controlTokens: readonly string[];
  /** Bytes of the longest token: n bytes of text make at least n / longestToken tokens. */
  readonly longestToken: number;
  /** Spaces that decoding takes off the start of a text: SentencePiece writes one in front of its first word. */
  readonly leadingSpaces: number;
  /** What the model's texts begin with (BOS), where its tokenizer says so. */
  readonly startTokens: readonly number[];
  /** Plain text: never yields a control token, adds no BOS. A lone surrogate counts as U+FFFD. */
  encode(text: string): Promise<Int32Array>;
  /**
   * A rendered chat prompt: control tokens that the template wrote become their ids; text that came through
   * `shieldControlTokens` stays text.
   */
  encodePrompt(rendered: string): Promise<Int32Array>;
  /** UTF-8 bytes that the token adds to running text; empty for a control token and for an id out of range. */
  tokenBytes(id: number): Uint8Array;
  /** The text of a whole id list, control tokens left out. Bytes that are no UTF-8 become U+FFFD. */
  decode(ids: Iterable<number>): string;
  /** The id of a token by its exact text in the vocabulary. */
  idOf(token: string): number | undefined;
}

/** A tokenizer.json that is missing, broken, or of a kind that cannot generate text. */
export class TokenizerError extends Error {
  override readonly name = 'TokenizerError';
}

/**
 * `rejected`: the template itself refused these messages through `raise_exception`; the message is its own words.
 * `missing`: the model has no chat template. `failed`: the template is broken, or ran past a limit. `variable` and
 * `effort`: it has no such variable, or no such way to think. `budget`: its thoughts cannot be limited.
 */
export type ChatTemplateErrorCode = 'rejected' | 'missing' | 'failed' | 'variable' | 'effort' | 'budget';

export class ChatTemplateError extends Error {
  override readonly name = 'ChatTemplateError';
  constructor(
    readonly code: ChatTemplateErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
