// The error catalogue of the OpenAI-style routes: every error a client can get, with its status, type, code and
// wording. Nothing here knows HTTP handlers or the engine; `server/error-handler.ts` picks from this table.

import { z } from 'zod';

const errorType = z.enum(['invalid_request_error', 'permission_error', 'rate_limit_error', 'server_error']);

export const errorBody = z.object({
  error: z.object({
    message: z.string(),
    type: errorType,
    param: z.string().nullable().describe('The path of the field at fault, such as `messages[0].content`.'),
    code: z.string().nullable(),
  }),
});

export type ErrorBody = z.output<typeof errorBody>;
type ErrorType = z.output<typeof errorType>;

interface ErrorFields {
  status: number;
  type: ErrorType;
  code: string | null;
  param: string | null;
  /** Seconds, for the `retry-after` header. */
  retryAfter?: number;
  /** Said to clients that would repeat the request of their own accord. */
  shouldRetry?: false;
}

/** An error as the client sees it. `cause` is for the log only. */
export class ApiError extends Error {
  readonly status: number;
  readonly retryAfter: number | undefined;
  readonly shouldRetry: false | undefined;
  readonly body: ErrorBody;

  constructor(message: string, fields: ErrorFields, cause?: unknown) {
    super(message, { cause });
    this.name = 'ApiError';
    this.status = fields.status;
    this.retryAfter = fields.retryAfter;
    this.shouldRetry = fields.shouldRetry;
    this.body = { error: { message, type: fields.type, param: fields.param, code: fields.code } };
  }
}

type Kind = 'integer' | 'decimal';

function invalid(code: string | null, param: string | null, message: string, status = 400): ApiError {
  return new ApiError(message, { status, type: 'invalid_request_error', code, param });
}

function forbidden(code: string, message: string): ApiError {
  return new ApiError(message, { status: 403, type: 'permission_error', code, param: null });
}

function unavailable(code: string, message: string, cause?: unknown): ApiError {
  return new ApiError(message, { status: 503, type: 'server_error', code, param: null, retryAfter: 2 }, cause);
}

/** `'a', 'b', and 'c'` */
function quotedList(values: readonly unknown[]): string {
  const quoted = values.map((value) => `'${String(value)}'`);
  return new Intl.ListFormat('en', { type: 'conjunction' }).format(quoted);
}

/** Echoed user text stays short. */
function shortened(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most)}…` : text;
}

const quote = (value: unknown): string => `'${shortened(String(value), 100)}'`;

/** Of what a template or a compiler says, which may quote the request. */
const MAX_REASON = 1000;

export const apiErrors = {
  // The body as a whole
  unparsableBody: () =>
    invalid(
      null,
      null,
      'We could not parse the JSON body of your request. Send one JSON object, in UTF-8, ' +
        "without the keys '__proto__' or 'constructor.prototype'.",
    ),
  unsupportedContentType: (got: string | undefined) =>
    invalid(
      'unsupported_content_type',
      null,
      `Unsupported content type: ${got === undefined ? 'none given' : quote(got)}. ` +
        "Send 'Content-Type: application/json'.",
      415,
    ),
  unsupportedEncoding: (got: string) =>
    invalid(
      'unsupported_content_encoding',
      null,
      `Unsupported content encoding: ${quote(got)}. Send the body as it is.`,
      415,
    ),
  bodyTooLarge: (limitBytes: number) =>
    invalid('request_too_large', null, `The request body is larger than the limit of ${limitBytes} bytes.`, 413),
  invalidRequest: (message: string, status = 400) => invalid('invalid_request', null, message, status),

  // One parameter
  missingParameter: (param: string) =>
    invalid('missing_required_parameter', param, `Missing required parameter: '${param}'.`),
  invalidType: (param: string, expected: string, got: string) =>
    invalid('invalid_type', param, `Invalid type for '${param}': expected ${expected}, but got ${got} instead.`),
  invalidValue: (param: string, value: unknown, supported: readonly unknown[]) =>
    invalid('invalid_value', param, `Invalid value: ${quote(value)}. Supported values are: ${quotedList(supported)}.`),
  belowMinimum: (param: string, kind: Kind, minimum: number, value: unknown) =>
    invalid(
      `${kind}_below_min_value`,
      param,
      `Invalid '${param}': ${kind} below minimum value. Expected a value >= ${minimum}, but got ${value} instead.`,
    ),
  aboveMaximum: (param: string, kind: Kind, maximum: number, value: unknown) =>
    invalid(
      `${kind}_above_max_value`,
      param,
      `Invalid '${param}': ${kind} above maximum value. Expected a value <= ${maximum}, but got ${value} instead.`,
    ),
  emptyArray: (param: string) =>
    invalid('empty_array', param, `Invalid '${param}': empty array. Expected an array with at least one element.`),
  arrayTooLong: (param: string, maximum: number, length: number) =>
    invalid(
      'array_above_max_length',
      param,
      `Invalid '${param}': array too long. Expected at most ${maximum} elements, but got ${length} instead.`,
    ),
  tooManyEntries: (param: string, maximum: number, length: number) =>
    invalid(
      'object_above_max_properties',
      param,
      `Invalid '${param}': too many properties. Expected at most ${maximum} properties, but got ${length} instead.`,
    ),
  invalidTokenId: (param: string, key: string) =>
    invalid('invalid_value', param, `Invalid key in '${param}': ${quote(key)}. Expected a token id, as in '1234'.`),
  unknownToken: (param: string, token: number, vocabSize: number) =>
    invalid(
      'invalid_value',
      param,
      `Invalid key in '${param}': ${token}. The token ids of this model are below ${vocabSize}.`,
    ),
  emptyString: (param: string) =>
    invalid('empty_string', param, `Invalid '${param}': empty string. Expected at least one character.`),
  stringTooLong: (param: string, maximum: number, length: number) =>
    invalid(
      'string_above_max_length',
      param,
      `Invalid '${param}': string too long. Expected at most ${maximum} characters, but got ${length} instead.`,
    ),
  patternMismatch: (param: string, pattern: string) =>
    invalid(
      'invalid_value',
      param,
      `Invalid '${param}': string does not match pattern. Expected a string that matches the pattern '${pattern}'.`,
    ),
  tooDeep: (param: string, maximum: number) =>
    invalid('invalid_value', param, `Invalid '${param}': it is nested more than ${maximum} levels deep.`),
  exclusiveParameters: (param: string, other: string) =>
    invalid('invalid_value', param, `Invalid parameter: '${param}' is not allowed together with '${other}'.`),
  /** `param` is the place inside the schema. */
  invalidSchema: (param: string, problem: string) =>
    invalid('invalid_json_schema', param, `Invalid schema: '${param}' ${problem}.`),
  invalidGrammar: (param: string, reason: string) =>
    invalid('invalid_grammar', param, `Invalid '${param}': ${shortened(reason, MAX_REASON)}`),
  whitespaceWithoutJson: (param: string) =>
    invalid(null, param, `The '${param}' parameter is only allowed where the reply is held to JSON.`),
  unknownTool: (param: string, name: string) =>
    invalid('invalid_value', param, `Invalid value: ${quote(name)} is not one of the tools of this request.`),
  choiceWithoutTools: (param: string) =>
    invalid(null, param, `Invalid value for '${param}': it demands a call, and the request has no tools.`),
  unsupportedByModel: (param: string, message: string) => invalid('unsupported_value', param, message),
  unsupportedParameter: (param: string) =>
    invalid('unsupported_parameter', param, `Unsupported parameter: '${param}' is not supported by this server.`),
  unsupportedValue: (param: string, value: unknown, supported: string) =>
    invalid(
      'unsupported_value',
      param,
      `Unsupported value: '${param}' does not support ${quote(value)} on this server. Only ${supported} is supported.`,
    ),
  unsupportedContent: (param: string, value: unknown) =>
    invalid(
      'unsupported_value',
      param,
      `Invalid content type: ${quote(value)} is not supported by this model. Send text content.`,
    ),
  streamOptionsWithoutStream: (param: string) =>
    invalid(null, param, "The 'stream_options' parameter is only allowed when 'stream' is enabled."),
  topLogprobsWithoutLogprobs: (param: string) =>
    invalid(null, param, "The 'top_logprobs' parameter is only allowed when 'logprobs' is enabled."),
  unmatchedToolMessage: (param: string) =>
    invalid(
      null,
      param,
      "Invalid parameter: messages with role 'tool' must be a response to a preceding message with 'tool_calls'.",
    ),
  invalidPrompt: (param: string, message: string) => invalid('invalid_request', param, message),
  invalidMessages: (message: string) => invalid('invalid_value', 'messages', shortened(message, MAX_REASON)),
  /** Clients look for the first sentence to know that they must shorten the conversation. */
  contextLengthExceeded: (param: string, contextLength: number, detail: string) =>
    invalid(
      'context_length_exceeded',
      param,
      `This model's maximum context length is ${contextLength} tokens. However, ${detail}.`,
    ),

  // What was asked for
  modelNotFound: (id: string) =>
    invalid(
      'model_not_found',
      'model',
      `The model ${quote(id)} does not exist here. GET /v1/models lists the models that do.`,
      404,
    ),
  unsuitableModel: (message: string) => invalid('unsupported_value', 'model', message),
  unknownUrl: (method: string, path: string) =>
    invalid(
      'unknown_url',
      null,
      `Unknown request URL: ${method} ${quote(path)}. GET / lists those that are served.`,
      404,
    ),
  methodNotAllowed: (method: string, path: string, allowed: string) =>
    invalid('method_not_allowed', null, `${method} is not allowed on ${quote(path)}. Allowed: ${allowed}.`, 405),

  // Who asked
  hostNotAllowed: (host: string | undefined) =>
    forbidden(
      'host_not_allowed',
      `The Host header ${host === undefined ? 'is missing' : `${quote(host)} is not allowed`}. ` +
        'Use localhost or 127.0.0.1, or add the name to the allowed hosts of the server.',
    ),
  originNotAllowed: (origin: string) =>
    forbidden(
      'origin_not_allowed',
      `The origin ${quote(origin)} is not allowed. Add it to the allowed origins of the server if you trust it.`,
    ),

  // The server's own state
  tooManyRequests: () =>
    new ApiError('The server is at its limit of concurrent requests. Try again soon.', {
      status: 429,
      type: 'rate_limit_error',
      code: 'queue_full',
      param: null,
      retryAfter: 1,
    }),
  insufficientMemory: (detail: string) => unavailable('insufficient_memory', `Not enough memory: ${detail}.`),
  modelLoading: () => unavailable('model_loading', 'The model is still loading. Try again soon.'),
  modelUnavailable: (cause?: unknown) =>
    unavailable('model_unavailable', 'The model cannot answer now: its engine has stopped.', cause),
  modelRestarting: (cause: unknown) =>
    unavailable(
      'model_restarting',
      'The engine of this model has failed and is being restarted. Try again soon.',
      cause,
    ),
  requestTimedOut: (seconds: number) =>
    new ApiError(`The request took longer than the ${seconds} seconds that this server allows. Ask for fewer tokens.`, {
      status: 504,
      type: 'server_error',
      code: 'request_timeout',
      param: null,
      shouldRetry: false,
    }),
  shuttingDown: () => unavailable('server_shutting_down', 'The server is shutting down.'),
  internal: (cause: unknown) =>
    new ApiError(
      'The server had an error while processing your request. Its log tells more, under this x-request-id.',
      { status: 500, type: 'server_error', code: null, param: null },
      cause,
    ),
} as const;
