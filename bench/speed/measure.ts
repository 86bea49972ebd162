// One generation, timed in this process and over HTTP by the same clock and the same definitions.
import { chatCompletionRequest } from '../../src/schemas/chat-completions.js';
import { toGenerationInputs } from '../../src/server/routes/chat-completions-mapper.js';
import type { ChatMessage, GenerationInput, ServedModel } from '../../src/services/types.js';
import { bodyOf, type Target, type Timed, timeStream } from './stream.js';

export interface Sample {
  /** From the request to the first text. */
  ttftMs: number;
  /** Prompt tokens over the time to the first text. */
  prefill: number;
  /** Tokens after the first over the time from the first text to the end. */
  decode: number;
}

export interface Request {
  messages: ChatMessage[];
  promptTokens: number;
  outputTokens: number;
}

/** Asks the model what a server would ask it. Greedy unless `fields` say otherwise. Throws as `sampleOf`. */
export async function measureInProcess(
  model: ServedModel,
  request: Request,
  fields: Record<string, unknown> = {},
): Promise<Sample> {
  const body = chatCompletionRequest.parse(bodyOf(model.id, { ...request, fields }));
  const [input] = toGenerationInputs(body) as [GenerationInput];
  const startedAt = performance.now();
  let firstAt: number | undefined;
  for await (const delta of model.chat(input)) {
    if (delta.type === 'text') firstAt ??= performance.now();
    if (delta.type === 'finish')
      return sampleOf(request, delta.usage, { startedAt, firstAt, endedAt: performance.now() });
  }
  throw new Error('the reply ended without its last event');
}

/** Greedy unless `fields` say otherwise. Throws as `sampleOf`. */
export async function measureHttp(
  target: Target,
  request: Request,
  fields: Record<string, unknown> = {},
): Promise<Sample> {
  const { startedAt, textAt, endedAt, usage } = await timeStream(target, { ...request, fields });
  return sampleOf(request, usage, { startedAt, firstAt: textAt[0], endedAt });
}

/** Throws when the model did not do what was asked: then the figures would be of something else. */
function sampleOf(
  { promptTokens, outputTokens }: Request,
  usage: Timed['usage'],
  { startedAt, firstAt, endedAt }: { startedAt: number; firstAt: number | undefined; endedAt: number },
): Sample {
  if (usage.promptTokens !== promptTokens || usage.completionTokens !== outputTokens || firstAt === undefined) {
    throw new Error(`asked for ${promptTokens} + ${outputTokens} tokens, got ${JSON.stringify(usage)}`);
  }
  const ttftMs = firstAt - startedAt;
  return {
    ttftMs,
    prefill: (1000 * promptTokens) / ttftMs,
    decode: (1000 * (outputTokens - 1)) / (endedAt - firstAt),
  };
}
