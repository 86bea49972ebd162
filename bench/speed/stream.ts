// One streamed reply over HTTP, with the times of its frames. The client shares the machine with what it measures, so while
// the reply comes it only keeps what it reads, and when; the frames are found and parsed after its end.
import { connect, type Socket, type TcpSocketConnectOpts } from 'node:net';
import type { ChatMessage, Usage } from '../../src/services/types.js';

export interface Target {
  url: string;
  model: string;
}

export interface Ask {
  messages: ChatMessage[];
  outputTokens: number;
  /** Greedy unless these say otherwise. */
  fields?: Record<string, unknown>;
  /** Aborting it leaves the stream. */
  signal?: AbortSignal;
}

/** Times by performance.now(). */
export interface Timed {
  startedAt: number;
  /** When each piece of text came: one token, or a few. */
  textAt: number[];
  endedAt: number;
  usage: Pick<Usage, 'promptTokens' | 'completionTokens'>;
}

/** Throws what the server says is wrong, and the reason of the signal. */
export async function timeStream({ url, model }: Target, ask: Ask): Promise<Timed> {
  const { signal } = ask;
  signal?.throwIfAborted();
  const startedAt = performance.now();
  const { port, hostname, host } = new URL(url);
  const reads: Read[] = [];
  const socket = connect({ port: Number(port), host: hostname, noDelay: true, onread: readingInto(reads) });
  const leave = () => socket.destroy(signal?.reason);
  signal?.addEventListener('abort', leave, { once: true });
  try {
    socket.write(requestTo(host, model, ask));
    await closed(socket);
    return { startedAt, ...timesOf(reads) };
  } finally {
    signal?.removeEventListener('abort', leave);
  }
}

/** What is asked over HTTP. */
export function bodyOf(model: string, { messages, outputTokens, fields }: Ask): Record<string, unknown> {
  return {
    model,
    messages,
    temperature: 0,
    ignore_eos: true,
    max_tokens: outputTokens,
    stream: true,
    stream_options: { include_usage: true },
    ...fields,
  };
}

function requestTo(host: string, model: string, ask: Ask): string {
  const body = JSON.stringify(bodyOf(model, ask));
  const headers = [`Host: ${host}`, 'Content-Type: application/json', 'Connection: close'];
  const length = `Content-Length: ${Buffer.byteLength(body)}`;
  return ['POST /v1/chat/completions HTTP/1.1', ...headers, length, '', body].join('\r\n');
}

/** Bytes, and when they had come. */
interface Read {
  at: number;
  data: Buffer;
}

const READ_BYTES = 64 * 1024;
const TAIL_LENGTH = 4096;

/** Reads without a stream's machinery. */
function readingInto(reads: Read[]): NonNullable<TcpSocketConnectOpts['onread']> {
  const callback = (count: number, buffer: Uint8Array) => {
    reads.push({ at: performance.now(), data: Buffer.from(buffer.subarray(0, count)) });
    return true;
  };
  return { buffer: Buffer.alloc(READ_BYTES), callback };
}

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.on('error', reject);
    socket.on('close', () => resolve());
  });
}

const FRAME = /^data: (.+)\n\n/gmu;

/** Throws when the reply is not whole. */
function timesOf(reads: readonly Read[]): Omit<Timed, 'startedAt'> {
  // One character a byte, so that places in the text are counts of bytes.
  const reply = Buffer.concat(reads.map(({ data }) => data)).toString('latin1');
  const textAt: number[] = [];
  let usage: Timed['usage'] | undefined;
  let endedAt: number | undefined;
  let read = 0;
  let bytes = reads[0]?.data.length ?? 0;
  for (const { 0: frame, 1: data = '', index } of reply.matchAll(FRAME)) {
    while (index + frame.length > bytes) bytes += reads[++read]?.data.length ?? 0;
    const { at } = reads[read] as Read;
    if (data === '[DONE]') {
      endedAt = at;
      continue;
    }
    const chunk = JSON.parse(data);
    if (chunk.choices?.[0]?.delta.content) textAt.push(at);
    if (chunk.usage)
      usage = { promptTokens: chunk.usage.prompt_tokens, completionTokens: chunk.usage.completion_tokens };
  }
  if (!usage || endedAt === undefined) throw new Error(`the reply ended with: ${reply.slice(-TAIL_LENGTH)}`);
  return { textAt, endedAt, usage };
}
