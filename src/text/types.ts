// The tokenizer as the rest of the program sees it.

export interface Tokenizer {
  /** Ids below this have bytes. */
  readonly vocabSize: number;
  /** Texts of the control tokens, `<|im_end|>` and the like, longest first. */
  readonly controlTokens: readonly string[];
  /** Plain text: never yields a control token, adds no BOS. */
  encode(text: string): Promise<Int32Array>;
  /**
   * A rendered chat prompt: control tokens that the template wrote become their ids; text that came through
   * `shieldControlTokens` stays text.
   */
  encodePrompt(rendered: string): Promise<Int32Array>;
  /** UTF-8 bytes that the token adds to running text; empty for a control token. */
  tokenBytes(id: number): Uint8Array;
  /** The text of a whole id list, control tokens left out. */
  decode(ids: Iterable<number>): string;
  /** The id of a token by its exact text in the vocabulary. */
  idOf(token: string): number | undefined;
}
