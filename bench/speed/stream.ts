// One streamed reply over HTTP, with the times of its frames. The client shares the machine with what it measures, so it is
// cheap: a bare socket, on which the ends of frames are counted and only the last frames are read.
import { connect, type Socket } from 'node:net';
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

const FRAME_END = '\n\n';
/** After the text: why it ended, the usage, `[DONE]`. */
const LAST_FRAMES = 3;
/** More bytes than those frames take. */
const TAIL_BYTES = 4096;

/** Throws what the server says is wrong, and the reason of the signal. */
export async function timeStream({ url, model }: Target, ask: Ask): Promise<Timed> {
  const { signal } = ask;
  signal?.throwIfAborted();
  const startedAt = performance.now();
  const { port, hostname, host } = new URL(url);
  const socket = connect({ port: Number(port), host: hostname, noDelay: true });
  const leave = () => socket.destroy(signal?.reason);
  signal?.addEventListener('abort', leave, { once: true });
  try {
    socket.write(requestTo(host, model, ask));
    const { frameAt, tail } = await readFrames(socket);
    const counted = /"prompt_tokens":(\d+).*"completion_tokens":(\d+)/.exec(tail);
    if (!counted || !tail.includes('data: [DONE]')) throw new Error(`the reply ended with: ${tail}`);
    return {
      startedAt,
      // The first frame says who speaks, and comes with the first text.
      textAt: frameAt.slice(1, -LAST_FRAMES),
      endedAt: frameAt.at(-1) as number,
      usage: { promptTokens: Number(counted[1]), completionTokens: Number(counted[2]) },
    };
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

/** When each frame had come, and the last bytes of the reply. */
function readFrames(socket: Socket): Promise<{ frameAt: number[]; tail: string }> {
  const frameAt: number[] = [];
  let tail = '';
  return new Promise((resolve, reject) => {
    socket.on('data', (data) => {
      const now = performance.now();
      const text = data.toString('latin1');
      // An end may be cut in two.
      if (tail.endsWith('\n') && text.startsWith('\n')) frameAt.push(now);
      for (let end = text.indexOf(FRAME_END); end >= 0; end = text.indexOf(FRAME_END, end + 2)) frameAt.push(now);
      tail = text.length < TAIL_BYTES ? (tail + text).slice(-TAIL_BYTES) : text.slice(-TAIL_BYTES);
    });
    socket.on('error', reject);
    socket.on('close', () => resolve({ frameAt, tail }));
  });
}
