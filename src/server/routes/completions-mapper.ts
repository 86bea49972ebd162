// POST /v1/completions: the wire's names on one side, the services' on the other. Pure functions.
import { randomUUID } from 'node:crypto';
import type { Completion, CompletionRequest, TokenLogprobs } from '../../schemas/completions.js';
import type { CompletionInput, Echo, EchoedToken, TextLogprob, Usage } from '../../services/types.js';
import { LOWEST_LOGPROB } from './chat-reply-mapper.js';
import { toConstraint } from './constraint-mapper.js';
import { toSampling } from './sampling-mapper.js';

/** OpenAI's default. */
const MAX_TOKENS = 16;

export interface CompletionHead {
  id: string;
  object: 'text_completion';
  created: number;
  model: string;
}

/** A completion as far as it has come, and what is echoed before it. */
export interface TextChoice {
  echo: Echo;
  text: string;
  logprobs: TextLogprob[];
  reason: 'stop' | 'length';
}

export function newCompletionHead(model: string): CompletionHead {
  const id = `cmpl-${randomUUID().replaceAll('-', '')}`;
  return { id, object: 'text_completion', created: Math.floor(Date.now() / 1000), model };
}

/** How many completions of each prompt are made: the best `n` of them are given. */
export const candidatesOf = ({ n, best_of }: CompletionRequest): number => best_of ?? n ?? 1;

/** Whether more are made than given, so that they must be ranked. */
export const isRanked = (request: CompletionRequest): boolean => candidatesOf(request) > (request.n ?? 1);

/** All candidates, prompt by prompt; those of one prompt are alike but for the seed. */
export function toCompletionInputs(request: CompletionRequest): CompletionInput[] {
  const stop = typeof request.stop === 'string' ? [request.stop] : (request.stop ?? []);
  const logprobs = request.logprobs ?? (isRanked(request) ? 0 : undefined);
  const shared = {
    maxTokens: request.max_tokens ?? MAX_TOKENS,
    stop,
    ignoreEos: request.ignore_eos ?? false,
    ...toConstraint(request),
    ...(typeof request.suffix === 'string' && request.suffix !== '' ? { suffix: request.suffix } : {}),
    ...(typeof request.cache_salt === 'string' ? { cacheSalt: request.cache_salt } : {}),
  };
  return request.prompt.flatMap((prompt) => {
    const group = {};
    return Array.from({ length: candidatesOf(request) }, (_, index) => ({
      ...shared,
      prompt,
      group,
      sampling: { ...toSampling(request, index), ...(logprobs === undefined ? {} : { logprobs }) },
    }));
  });
}

/** The best `n` candidates of each prompt by the mean log-probability of their tokens, as OpenAI ranks them. */
export function chooseBest(request: CompletionRequest, candidates: readonly TextChoice[]): TextChoice[] {
  const count = candidatesOf(request);
  return request.prompt.flatMap((_, index) => {
    const own = candidates.slice(index * count, (index + 1) * count);
    const ranked = isRanked(request) ? own.toSorted((a, b) => meanLogprob(b) - meanLogprob(a)) : own;
    return ranked.slice(0, request.n ?? 1);
  });
}

function meanLogprob({ logprobs }: TextChoice): number {
  return logprobs.reduce((sum, { logprob }) => sum + logprob, 0) / Math.max(1, logprobs.length);
}

/**
 * Candidates of a prompt share it: each prompt counts once, and as cached what all of them found so; an echo that was
 * scored is what they found. `usages`: by candidate.
 */
export function sumCompletionUsage(request: CompletionRequest, usages: readonly Usage[]): Usage {
  const count = candidatesOf(request);
  const cachedTokens = request.prompt.map((_, index) =>
    scoresEcho(request)
      ? 0
      : Math.min(...usages.slice(index * count, (index + 1) * count).map((usage) => usage.cachedTokens)),
  );
  return {
    cachedTokens: cachedTokens.reduce((sum, tokens) => sum + tokens, 0),
    promptTokens: usages.reduce((sum, { promptTokens }, index) => sum + (index % count === 0 ? promptTokens : 0), 0),
    completionTokens: usages.reduce((sum, { completionTokens }) => sum + completionTokens, 0),
  };
}

/** Whether the tokens of the prompt are to have log-probabilities too. */
export const scoresEcho = ({ echo, logprobs }: CompletionRequest): boolean =>
  Boolean(echo) && typeof logprobs === 'number';

/** `offset`: characters of the choice's text before these tokens. */
export function toTokenLogprobs(logprobs: readonly EchoedToken[], offset: number): TokenLogprobs {
  let at = offset;
  return {
    tokens: logprobs.map(({ text }) => text),
    token_logprobs: logprobs.map(({ logprob }) => (logprob === null ? null : finite(logprob))),
    top_logprobs: logprobs.map(toTopLogprobs),
    text_offset: logprobs.map(({ text }) => {
      const start = at;
      at += characters(text);
      return start;
    }),
  };
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The best tokens, and the token itself, by their texts; of equal texts the more probable. */
function toTopLogprobs({ logprob, best, bytes }: EchoedToken): Record<string, number> | null {
  if (logprob === null) return null;
  const top = new Map<string, number>();
  for (const token of [...best, { bytes, logprob }]) {
    const key = keyOf(token.bytes);
    if (!top.has(key)) top.set(key, finite(token.logprob));
  }
  return Object.fromEntries(top);
}

/** A part of a character reads as OpenAI writes it: `bytes:\\xf0\\x9f`. */
function keyOf(bytes: readonly number[]): string {
  try {
    return utf8.decode(Uint8Array.from(bytes));
  } catch {
    return `bytes:${bytes.map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('')}`;
  }
}

/** JSON has no infinities. */
const finite = (logprob: number) => Math.max(logprob, LOWEST_LOGPROB);

export const characters = (text: string): number => [...text].length;

/** One choice, whole or a part of it. */
export function toCompletion(head: CompletionHead, choices: Completion['choices']): Completion {
  return { ...head, choices };
}
