// Answers a turn with a stream of server-sent events. Main thread.
import type { FastifyReply } from 'fastify';
import { logFailure, toApiError } from '../error-handler.js';
import { obfuscated } from '../obfuscation.js';
import { SseStream } from '../sse.js';
import type { Turn } from './turn.js';

interface Streamable {
  stream_options?: { include_obfuscation?: boolean | null | undefined } | null | undefined;
}

/**
 * Sends what `write` sends and the end. What goes wrong before the first frame is thrown, for a plain HTTP error; after it,
 * it is the last frame.
 */
export async function streamed(
  { request, reply, body, controller }: Turn<Streamable>,
  write: (stream: SseStream) => Promise<void>,
): Promise<FastifyReply> {
  const dress = body.stream_options?.include_obfuscation ? obfuscated : undefined;
  const stream = new SseStream(reply, controller.signal, dress);
  try {
    await write(stream);
    stream.end('[DONE]');
  } catch (thrown) {
    if (!stream.opened) throw thrown;
    const error = toApiError(thrown, request);
    if (!reply.raw.destroyed) logFailure(error, request);
    stream.end(JSON.stringify(error.body));
  }
  return reply;
}
