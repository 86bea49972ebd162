// One operation of the API, and what it is in an OpenAPI document. Pure.
import { z } from 'zod';
import { toJsonSchema } from '../schemas/json-schema.js';
import { type ApiError, apiErrors, errorBody } from '../schemas/openai-errors.js';

type Content = Record<string, { schema: z.ZodType }>;
type Responses = Record<number, { description: string; content: Content }>;

/** A route's schema as Fastify takes it, and what only its description needs. */
export interface Operation {
  tags: readonly string[];
  operationId: string;
  summary: string;
  body?: z.ZodType;
  /** Of the body. */
  example?: object;
  /** The name of what the `*` at the end of the route's URL takes. */
  wildcard?: string;
  response: Responses;
  /** Statuses of the errors it may answer. */
  errors: readonly number[];
}

export function json(description: string, schema: z.ZodType = z.looseObject({}), status = 200): Responses {
  return { [status]: { description, content: { 'application/json': { schema } } } };
}

export function jsonOrStream(description: string, whole: z.ZodType, chunk: z.ZodType): Responses {
  const content = { 'application/json': { schema: whole }, 'text/event-stream': { schema: chunk } };
  return { 200: { description, content } };
}

/** Of each status one error of the catalogue. */
const ERRORS: Record<number, ApiError> = {
  400: apiErrors.missingParameter('model'),
  403: apiErrors.originNotAllowed('https://example.com'),
  404: apiErrors.modelNotFound('unknown'),
  413: apiErrors.bodyTooLarge(32 * 1024 * 1024),
  415: apiErrors.unsupportedContentType('text/plain'),
  429: apiErrors.tooManyRequests(),
  500: apiErrors.internal(undefined),
  503: apiErrors.modelLoading(),
  504: apiErrors.requestTimedOut(600),
};

/** The OpenAPI components that `describe` refers to. */
export const components = { schemas: { Error: toJsonSchema(errorBody, 'output') } };

/** The operation as @fastify/swagger takes it, and the URL with its wildcard named. */
export function describe({ body, example, wildcard, response, errors, ...rest }: Operation, url: string) {
  const schema = {
    ...rest,
    ...(body ? { body: { ...toJsonSchema(body, 'input'), ...(example ? { examples: [example] } : {}) } } : {}),
    ...(wildcard ? { params: toJsonSchema(z.object({ [wildcard]: z.string() }), 'input') } : {}),
    response: { ...Object.fromEntries(errors.map(describeError)), ...describeResponses(response) },
  };
  return { schema, url: wildcard ? url.replace('*', `{${wildcard}}`) : url };
}

function describeResponses(responses: Responses): Record<string, object> {
  const entries = Object.entries(responses).map(([status, { description, content }]) => {
    const shown = Object.entries(content).map(([type, { schema }]) => [
      type,
      { schema: toJsonSchema(schema, 'output') },
    ]);
    return [status, { description, content: Object.fromEntries(shown) }];
  });
  return Object.fromEntries(entries);
}

function describeError(status: number): [number, object] {
  const { message, body } = ERRORS[status] as ApiError;
  const schema = { $ref: '#/components/schemas/Error' };
  return [status, { description: message, content: { 'application/json': { schema, example: body } } }];
}
