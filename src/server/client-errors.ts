// Answers what never became a request: bytes that are not HTTP, headers that are too large, a request that took too
// long to arrive. Main thread.
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { finished } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { type ApiError, apiErrors } from '../schemas/openai-errors.js';
import { newRequestId } from './plugins/request-id.js';

const BY_CODE: Record<string, () => ApiError> = {
  HPE_HEADER_OVERFLOW: () => apiErrors.invalidRequest('The request headers are too large.', 431),
  ERR_HTTP_REQUEST_TIMEOUT: () => apiErrors.invalidRequest('The request took too long to arrive.', 408),
};

export class ClientErrors {
  readonly #unfinished = new WeakMap<Socket, Set<ServerResponse>>();

  /** Lets it see the requests that do arrive. */
  watch(app: FastifyInstance): void {
    app.addHook('onRequest', async (request, reply) => this.#watch(request.raw, reply.raw));
  }

  /** Fastify's handler. What is written amid a reply would be taken for a part of it: then the client is cut off. */
  readonly handle = (error: NodeJS.ErrnoException, socket: Socket): void => {
    const replies = [...(this.#unfinished.get(socket) ?? [])];
    if (error.code === 'ECONNRESET' || !socket.writable || replies.some(({ headersSent }) => headersSent)) {
      socket.destroy();
      return;
    }
    const known = BY_CODE[error.code ?? ''];
    const { status, body } = known ? known() : apiErrors.invalidRequest('The request is not valid HTTP.');
    const json = JSON.stringify(body);
    const head = [
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
      'Content-Type: application/json; charset=utf-8',
      `Content-Length: ${Buffer.byteLength(json)}`,
      `X-Request-Id: ${newRequestId()}`,
      'Connection: close',
    ];
    socket.end(`${head.join('\r\n')}\r\n\r\n${json}`);
  };

  #watch({ socket }: IncomingMessage, response: ServerResponse): void {
    const unfinished = this.#unfinished.get(socket) ?? new Set();
    this.#unfinished.set(socket, unfinished.add(response));
    finished(response, () => unfinished.delete(response));
  }
}
