// The table of the API's operations: what each route takes and answers. Fastify validates by it, and the description
// at /openapi.json is made of it (plugins/openapi.ts).
import { chatCompletionRequest } from '../schemas/chat-completions.js';
import { chatCompletion, chatCompletionChunk } from '../schemas/chat-replies.js';
import { completion, completionRequest } from '../schemas/completions.js';
import { health, serverCard } from '../schemas/health.js';
import { modelList, modelObject } from '../schemas/models.js';
import { detokenized, detokenizeRequest, tokenized, tokenizeRequest } from '../schemas/tokens.js';
import { json, jsonOrStream, type Operation } from './operation.js';

const MESSAGES = [{ role: 'user', content: 'What is the capital of France?' }];
const MODEL = 'SmolLM2-135M-Instruct-4bit';
/** Errors of a request with a body, and those that only a generation has. */
const TAKES_BODY = [400, 403, 404, 413, 415, 500, 503];
const GENERATES = [...TAKES_BODY, 429, 504];

export const operations = {
  chatCompletions: {
    tags: ['Generation'],
    operationId: 'createChatCompletion',
    summary: 'Answer a conversation',
    body: chatCompletionRequest,
    example: { model: MODEL, messages: MESSAGES, max_completion_tokens: 64, temperature: 0 },
    response: jsonOrStream(
      'The reply, or with `stream` its chunks and a last `[DONE]`.',
      chatCompletion,
      chatCompletionChunk,
    ),
    errors: GENERATES,
  },
  completions: {
    tags: ['Generation'],
    operationId: 'createCompletion',
    summary: 'Go on with a text, without a chat template',
    body: completionRequest,
    example: { model: MODEL, prompt: 'The capital of France is', max_tokens: 16, temperature: 0 },
    response: jsonOrStream('The completion, or with `stream` its parts and a last `[DONE]`.', completion, completion),
    errors: GENERATES,
  },
  tokenize: {
    tags: ['Tokens'],
    operationId: 'tokenize',
    summary: 'The tokens of a text, or of the prompt that a conversation makes',
    body: tokenizeRequest,
    example: { model: MODEL, prompt: 'The capital of France' },
    response: json('The tokens.', tokenized),
    errors: TAKES_BODY,
  },
  detokenize: {
    tags: ['Tokens'],
    operationId: 'detokenize',
    summary: 'The text of tokens, control tokens left out',
    body: detokenizeRequest,
    example: { model: MODEL, tokens: [504, 3575, 282, 4649] },
    response: json('The text.', detokenized),
    errors: TAKES_BODY,
  },
  listModels: {
    tags: ['Models'],
    operationId: 'listModels',
    summary: 'The models that are served',
    response: json('All of them.', modelList),
    errors: [403, 500],
  },
  retrieveModel: {
    tags: ['Models'],
    operationId: 'retrieveModel',
    summary: 'One model; its id may hold slashes, percent-encoded or not',
    wildcard: 'id',
    response: json('The model.', modelObject),
    errors: [403, 404, 500],
  },
  health: {
    tags: ['Server'],
    operationId: 'health',
    summary: 'Whether every model can answer',
    response: { ...json('All can.', health), ...json('Not all can.', health, 503) },
    errors: [403, 500],
  },
  serverCard: {
    tags: ['Server'],
    operationId: 'serverCard',
    summary: 'What this is and where its endpoints are',
    response: json('The name, the version, and the endpoints.', serverCard),
    errors: [403, 500],
  },
  openapi: {
    tags: ['Server'],
    operationId: 'openapi',
    summary: 'This description',
    response: json('An OpenAPI 3.1 document.'),
    errors: [403, 500],
  },
} as const satisfies Record<string, Operation>;
