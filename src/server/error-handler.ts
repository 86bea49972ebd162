// Turns whatever was thrown into an error of the catalogue, and answers with it. The only place that decides what of an
// error a client may read: the text of a 5xx is the catalogue's own, its cause goes to the log.
import type { IncomingMessage } from 'node:http';
import { finished } from 'node:stream';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { EngineError } from '../engine/types.js';
import { ApiError, apiErrors } from '../schemas/openai-errors.js';
import { ChatTemplateError } from '../text/types.js';

/** Times the limit: so much more of a body that is too large is read before the answer. */
const DISCARDED = 4;

const FRAMEWORK_ERRORS: Record<string, (request: FastifyRequest) => ApiError> = {
  FST_ERR_CTP_INVALID_JSON_BODY: apiErrors.unparsableBody,
  FST_ERR_CTP_EMPTY_JSON_BODY: apiErrors.unparsableBody,
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: apiErrors.unparsableBody,
  FST_ERR_CTP_INVALID_MEDIA_TYPE: (request) => apiErrors.unsupportedContentType(request.headers['content-type']),
  FST_ERR_CTP_BODY_TOO_LARGE: (request) => apiErrors.bodyTooLarge(request.routeOptions.bodyLimit),
  FST_ERR_BAD_URL: () => apiErrors.invalidRequest('The URL holds a broken percent-encoding.'),
  FST_ERR_MAX_PARAM_LENGTH: () => apiErrors.invalidRequest('The URL is too long.', 414),
};

export function toApiError(error: unknown, request: FastifyRequest): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof EngineError) return fromEngineError(error);
  if (error instanceof ChatTemplateError) return fromTemplateError(error);
  if (!(error instanceof Error)) return apiErrors.internal(error);
  return fromFrameworkError(error as FastifyError, request) ?? apiErrors.internal(error);
}

function fromFrameworkError({ code, statusCode = 500 }: FastifyError, request: FastifyRequest): ApiError | undefined {
  const known = FRAMEWORK_ERRORS[code]?.(request);
  if (known || !code?.startsWith('FST_') || statusCode >= 500) return known;
  return apiErrors.invalidRequest('The request cannot be processed as it is.', statusCode);
}

function fromEngineError(error: EngineError): ApiError {
  switch (error.code) {
    // With their parameters already where the request is known: choices.ts.
    case 'context_length_exceeded':
    case 'invalid_grammar':
    case 'grammar_failed':
    case 'grammars_unavailable':
    case 'invalid_request':
      return apiErrors.invalidRequest(error.message);
    case 'queue_full':
      return apiErrors.tooManyRequests();
    case 'insufficient_memory':
      return apiErrors.insufficientMemory(error.message);
    case 'engine_restarting':
      return apiErrors.modelRestarting(error);
    case 'engine_failed':
    case 'model_load_failed':
    case 'engine_closed':
      return apiErrors.modelUnavailable(error);
    case 'generation_failed':
      return apiErrors.internal(error);
  }
}

function fromTemplateError(error: ChatTemplateError): ApiError {
  switch (error.code) {
    case 'missing':
      return apiErrors.unsuitableModel(error.message);
    case 'variable':
      return apiErrors.unsupportedByModel('chat_template_kwargs', error.message);
    case 'effort':
      return apiErrors.unsupportedByModel('reasoning_effort', error.message);
    case 'budget':
      return apiErrors.unsupportedByModel('thinking_budget', error.message);
    case 'rejected':
    case 'failed':
      return apiErrors.invalidMessages(error.message);
  }
}

/** Logs the cause of a failure of ours; all else is only a line in the request log. */
export function logFailure(error: ApiError, request: FastifyRequest): void {
  if (error.cause !== undefined) request.log.error({ err: error.cause }, error.message);
}

/** Fastify's error handler. */
export async function handleError(
  thrown: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const error = toApiError(thrown, request);
  if (error.status === 413) {
    reply.header('connection', 'close');
    await discardBody(request.raw, DISCARDED * request.routeOptions.bodyLimit);
  }
  // The client may have gone: then nobody is to be answered, and nothing of ours has failed.
  if (reply.raw.destroyed) return reply.hijack();
  logFailure(error, request);
  if (error.retryAfter !== undefined) reply.header('retry-after', error.retryAfter);
  if (error.shouldRetry !== undefined) reply.header('x-should-retry', String(error.shouldRetry));
  return reply.code(error.status).send(error.body);
}

/**
 * A client that still sends its body when the connection closes sees a broken pipe instead of the answer. Not for ever: one
 * that sends without end is answered after `most` bytes.
 */
async function discardBody(request: IncomingMessage, most: number): Promise<void> {
  let left = most;
  await new Promise<void>((resolve) => {
    finished(request, () => resolve());
    request.on('data', (chunk: Buffer) => {
      left -= chunk.length;
      if (left >= 0) return;
      request.pause();
      resolve();
    });
    request.resume();
  });
}
