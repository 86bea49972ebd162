// The one error of this folder. Everything that is wrong with a GGUF file is told by it.

/** A GGUF file that is damaged, hostile, or of a kind that is not supported. */
export class GgufError extends Error {
  constructor(
    message: string,
    /** Where in the file the trouble was met, when it is at one place. */
    readonly offset?: number,
  ) {
    super(offset === undefined ? message : `${message} (at byte ${offset})`);
    this.name = 'GgufError';
  }
}
