// Log-probabilities of tokens put beside the text that they became. Pure; one a reply that asked for them.
import type { ScoredToken } from '../engine/types.js';
import type { Tokenizer } from '../text/types.js';
import type { ScoredText, TextLogprob } from './types.js';

interface Pending {
  logprob: TextLogprob;
  /** Where its text ends, in the text of all tokens. */
  end: number;
}

const utf8 = new TextEncoder();

/** Holds each token's entry back until the stop matcher has let its text out. */
export class TextLogprobs {
  readonly #tokenizer: Pick<Tokenizer, 'tokenBytes'>;
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  #pending: Pending[] = [];
  #made = 0;
  #released = 0;

  constructor(tokenizer: Pick<Tokenizer, 'tokenBytes'>) {
    this.#tokenizer = tokenizer;
  }

  /** A token, and the text that it completed. */
  push([own, ...best]: readonly [ScoredToken, ...ScoredToken[]], text: string): void {
    this.#made += text.length;
    const logprob = {
      text,
      bytes: this.#bytesOf(own.token),
      logprob: own.logprob,
      best: best.map((scored) => this.#describe(scored)),
    };
    this.#pending.push({ logprob, end: this.#made });
  }

  /** Text of a last character that was never completed: it is the last token's. */
  pushRest(text: string): void {
    const last = this.#pending.at(-1);
    this.#made += text.length;
    if (!last) return;
    last.logprob.text += text;
    last.end = this.#made;
  }

  /** The entries of the tokens whose text is out with these `length` characters more. */
  release(length: number): TextLogprob[] {
    this.#released += length;
    // A token without text waits for the next: it may have begun a character that the end of the reply gives to it.
    const out = this.#pending.findIndex(({ logprob, end }, i) => {
      return end > this.#released || (logprob.text === '' && i === this.#pending.length - 1);
    });
    return this.#pending.splice(0, out < 0 ? this.#pending.length : out).map(({ logprob }) => logprob);
  }

  /** What is left at the end of a reply. The token in whose text a stop string begins ends there. */
  finish(): TextLogprob[] {
    const isOut = (place: number) => place <= this.#released;
    const rest = this.#pending.filter(({ logprob, end }) => isOut(end) || isOut(end - logprob.text.length + 1));
    this.#pending = [];
    return rest.map(({ logprob, end }) => (end <= this.#released ? logprob : cut(logprob, end - this.#released)));
  }

  #describe({ token, logprob }: ScoredToken): ScoredText {
    const bytes = this.#bytesOf(token);
    return { text: this.#decoder.decode(Uint8Array.from(bytes)), bytes, logprob };
  }

  #bytesOf(token: number): number[] {
    return [...this.#tokenizer.tokenBytes(token)];
  }
}

/** Without the last `length` characters, which were not let out. */
function cut(logprob: TextLogprob, length: number): TextLogprob {
  const text = logprob.text.slice(0, -length);
  return { ...logprob, text, bytes: [...utf8.encode(text)] };
}
