// One streamed reply over HTTP, with the times of its first text and its end.
import type { ChatMessage } from '../../src/services/types.js';
import { streamChat } from '../speed/measure.js';

export interface Target {
  url: string;
  model: string;
}

export interface Timed {
  /** When each piece of text came, by performance.now(). A piece is one token, or a few. */
  textAt: number[];
  /** From the request to the first text. */
  ttftMs: number;
  tokens: number;
}

/** Throws what the server says is wrong, and the reason of `signal`. */
export async function timeStream(
  { url, model }: Target,
  messages: ChatMessage[],
  outputTokens: number,
  signal?: AbortSignal,
): Promise<Timed> {
  const startedAt = performance.now();
  const textAt: number[] = [];
  const request = { messages, outputTokens };
  for await (const { choices, usage, error } of streamChat(url, model, request, signal ? { signal } : {})) {
    if (error) throw new Error(error.message);
    if (choices[0]?.delta.content) textAt.push(performance.now());
    if (usage) return { textAt, ttftMs: (textAt[0] ?? performance.now()) - startedAt, tokens: usage.completion_tokens };
  }
  throw new Error('the stream ended without usage');
}

export interface Health {
  in_flight: number;
  models: { waiting: number; running: number; active_memory_bytes: number; failures: number; restarts: number }[];
}

export async function readHealth(url: string): Promise<Health> {
  return (await (await fetch(`${url}/health`)).json()) as Health;
}
