// What a completion echoes of its prompt: its text, and where asked the log-probabilities of its tokens.
import type { Engine, TokenScores } from '../engine/types.js';
import { Detokenizer, type TokenTexts } from '../text/detokenizer.js';
import { TextLogprobs } from './text-logprobs.js';
import type { Echo, EchoedToken } from './types.js';

export interface EchoSource {
  engine: Engine;
  tokens: Int32Array;
  /** So many of them, at the start, are not of the client's prompt, and have no text. */
  added: number;
  /** The texts of the tokens. */
  texts: TokenTexts;
  /** The texts of those beside them. */
  names: TokenTexts;
  cacheSalt?: string;
}

/**
 * Scores a prompt's tokens, and the `best` ones at their places, in a request of its own: the completions after it find
 * the prompt in the prefix cache. Throws EngineError, and the reason of `signal` when that is aborted.
 */
export async function scoreEcho(source: EchoSource, best: number, signal?: AbortSignal): Promise<Echo> {
  const { engine, tokens, cacheSalt } = source;
  const scores: TokenScores[] = [];
  const request = {
    tokens,
    sampling: { temperature: 0, topP: 1, topK: 0, minP: 0 },
    maxTokens: 1,
    stopTokens: [],
    promptLogprobs: best,
    ...(cacheSalt === undefined ? {} : { cacheSalt }),
  };
  for await (const event of engine.generate(request, signal)) {
    if (event.type === 'prompt-token') scores.push(event.scores);
  }
  signal?.throwIfAborted();
  return joined(echoedTokens(source, scores));
}

function echoedTokens({ tokens, added, texts, names }: EchoSource, scores: readonly TokenScores[]): EchoedToken[] {
  const detokenizer = new Detokenizer(texts);
  const logprobs = new TextLogprobs(texts, names);
  const echoed = [...tokens].map((token, index): EchoedToken => {
    const text = index < added ? '' : detokenizer.push(token);
    const scored = scores[index - 1];
    return scored
      ? logprobs.describe(scored, text)
      : { text, bytes: [...texts.tokenBytes(token)], logprob: null, best: [] };
  });
  const last = echoed.at(-1);
  if (last) last.text += detokenizer.flush();
  return echoed;
}

const joined = (tokens: EchoedToken[]): Echo => ({ text: tokens.map(({ text }) => text).join(''), tokens });
