// Log-probabilities of tokens put beside the text that they became. Pure; one a reply that asked for them.
import type { ScoredToken, TokenScores } from '../engine/types.js';
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
  readonly #tokens: Pick<Tokenizer, 'tokenBytes'>;
  readonly #names: Pick<Tokenizer, 'tokenBytes'>;
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  #pending: Pending[] = [];
  #made = 0;
  #released = 0;

  /** `names`: the same tokens, all control tokens readable, for those that the reply might have had instead. */
  constructor(tokens: Pick<Tokenizer, 'tokenBytes'>, names: Pick<Tokenizer, 'tokenBytes'>) {
    this.#tokens = tokens;
    this.#names = names;
  }

  /** A token, and the text that it completed. */
  push(scores: TokenScores, text: string): void {
    this.#made += text.length;
    this.#pending.push({ logprob: this.describe(scores, text), end: this.#made });
  }

  /** The entry of a token that completed `text`. */
  describe([own, ...best]: TokenScores, text: string): TextLogprob {
    return {
      text,
      bytes: [...this.#tokens.tokenBytes(own.token)],
      logprob: own.logprob,
      best: best.map((scored) => this.#describeOther(scored)),
    };
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
    // A token that may have begun a character waits for the next: the end of the reply would give that to it.
    const out = this.#pending.findIndex(({ logprob: { text, bytes }, end }, i) => {
      return end > this.#released || (i === this.#pending.length - 1 && (text === '' || endsInCharacter(bytes)));
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

  #describeOther({ token, logprob }: ScoredToken): ScoredText {
    const bytes = this.#names.tokenBytes(token);
    return { text: this.#decoder.decode(bytes), bytes: [...bytes], logprob };
  }
}

/** Whether bytes may end in the middle of a character. */
function endsInCharacter(bytes: readonly number[]): boolean {
  const first = bytes.findLastIndex((byte) => byte >= 0xc0);
  if (first < 0) return false;
  const lead = bytes[first] as number;
  return bytes.length - first < (lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2);
}

/** Without the last `length` characters, which were not let out. */
function cut(logprob: TextLogprob, length: number): TextLogprob {
  const text = logprob.text.slice(0, -length);
  return { ...logprob, text, bytes: [...utf8.encode(text)] };
}
