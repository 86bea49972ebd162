// One generation, timed in this process and over HTTP by the same clock and the same definitions.
import type { Model } from '../../src/index.js';
import type { ChatMessage, Usage } from '../../src/services/types.js';

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

export async function measureInProcess(model: Model, request: Request): Promise<Sample> {
  const options = { temperature: 0, ignoreEos: true, maxTokens: request.outputTokens };
  const clock = new Clock(request);
  for await (const { text, usage } of model.chat(request.messages, options)) {
    if (text !== '') clock.text();
    if (usage) return clock.end(usage);
  }
  throw new Error('the reply ended without its last event');
}

/** Greedy unless `fields` say otherwise. */
export async function measureHttp(
  url: string,
  model: string,
  request: Request,
  fields: Record<string, unknown> = {},
): Promise<Sample> {
  const clock = new Clock(request);
  for await (const chunk of streamChat(url, model, request, { fields })) {
    if (chunk.choices[0]?.delta.content) clock.text();
    if (chunk.usage) {
      const { prompt_tokens: promptTokens, completion_tokens: completionTokens } = chunk.usage;
      return clock.end({ promptTokens, completionTokens });
    }
  }
  throw new Error('the stream ended without usage');
}

/** The chunks of a reply of so many tokens, greedy unless `fields` say otherwise. */
export async function* streamChat(
  url: string,
  model: string,
  request: Omit<Request, 'promptTokens'>,
  { fields = {}, signal }: { fields?: Record<string, unknown>; signal?: AbortSignal } = {},
): AsyncGenerator<Chunk> {
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      model,
      messages: request.messages,
      temperature: 0,
      ignore_eos: true,
      max_tokens: request.outputTokens,
      stream: true,
      stream_options: { include_usage: true },
      ...fields,
    }),
    ...(signal ? { signal } : {}),
  });
  if (!response.ok || !response.body) throw new Error(`status ${response.status}: ${await response.text()}`);
  yield* readChunks(response.body);
}

class Clock {
  private readonly started = performance.now();
  private firstAt: number | undefined;

  constructor(private readonly request: Request) {}

  text(): void {
    this.firstAt ??= performance.now();
  }

  /** Throws when the model did not do what was asked: then the figures would be of something else. */
  end(usage: Pick<Usage, 'promptTokens' | 'completionTokens'>): Sample {
    const now = performance.now();
    const { promptTokens, outputTokens } = this.request;
    if (usage.promptTokens !== promptTokens || usage.completionTokens !== outputTokens || this.firstAt === undefined) {
      throw new Error(`asked for ${promptTokens} + ${outputTokens} tokens, got ${JSON.stringify(usage)}`);
    }
    const ttftMs = this.firstAt - this.started;
    return {
      ttftMs,
      prefill: (1000 * promptTokens) / ttftMs,
      decode: (1000 * (outputTokens - 1)) / (now - this.firstAt),
    };
  }
}

interface Chunk {
  choices: { delta: { content?: string } }[];
  usage?: { prompt_tokens: number; completion_tokens: number } | null;
  error?: { message: string };
}

async function* readChunks(body: ReadableStream<Uint8Array>): AsyncGenerator<Chunk> {
  let rest = '';
  for await (const text of body.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line.startsWith('data: {')) yield JSON.parse(line.slice('data: '.length)) as Chunk;
    }
  }
}
