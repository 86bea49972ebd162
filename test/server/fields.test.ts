// Every field of OpenAI's requests, and what becomes of it: honoured, ignored on purpose, or refused by its name. The
// lists are those of OpenAI's published types; a field that is in none of them is one that nobody decided on.
import type OpenAI from 'openai';
import { describe, expect, it } from 'vitest';
import { chatCompletionRequest } from '../../src/schemas/chat-completions.js';
import { completionRequest } from '../../src/schemas/completions.js';
import { appFor, CHAT, chatBody, saying } from './support/requests.js';

type Fate = 'honoured' | 'ignored' | 'refused';

/** Complete by type: a field that a new version of the SDK brings is missing here, and does not compile. */
const CHAT_FIELDS: Record<keyof OpenAI.ChatCompletionCreateParams, Fate> = {
  messages: 'honoured',
  model: 'honoured',
  audio: 'refused',
  frequency_penalty: 'honoured',
  function_call: 'honoured',
  functions: 'honoured',
  logit_bias: 'honoured',
  logprobs: 'honoured',
  max_completion_tokens: 'honoured',
  max_tokens: 'honoured',
  metadata: 'ignored',
  modalities: 'honoured',
  moderation: 'ignored',
  n: 'honoured',
  parallel_tool_calls: 'honoured',
  prediction: 'ignored',
  presence_penalty: 'honoured',
  prompt_cache_key: 'ignored',
  prompt_cache_options: 'ignored',
  prompt_cache_retention: 'ignored',
  reasoning_effort: 'honoured',
  response_format: 'honoured',
  safety_identifier: 'ignored',
  seed: 'honoured',
  service_tier: 'ignored',
  stop: 'honoured',
  store: 'ignored',
  stream: 'honoured',
  stream_options: 'honoured',
  temperature: 'honoured',
  tool_choice: 'honoured',
  tools: 'honoured',
  top_logprobs: 'honoured',
  top_p: 'honoured',
  user: 'ignored',
  verbosity: 'ignored',
  web_search_options: 'refused',
};

const COMPLETION_FIELDS: Record<keyof OpenAI.CompletionCreateParams, Fate> = {
  model: 'honoured',
  prompt: 'honoured',
  best_of: 'honoured',
  echo: 'honoured',
  frequency_penalty: 'honoured',
  logit_bias: 'honoured',
  logprobs: 'honoured',
  max_tokens: 'honoured',
  n: 'honoured',
  presence_penalty: 'honoured',
  seed: 'honoured',
  stop: 'honoured',
  stream: 'honoured',
  stream_options: 'honoured',
  suffix: 'honoured',
  temperature: 'honoured',
  top_p: 'honoured',
  user: 'ignored',
};

const ROUTES = [
  { url: CHAT, fields: CHAT_FIELDS, schema: chatCompletionRequest, body: chatBody() },
  {
    url: '/v1/completions',
    fields: COMPLETION_FIELDS,
    schema: completionRequest,
    body: { model: 'scripted/model', prompt: 'Hi' },
  },
];

/** No value of any field: whoever honours it must say so. */
const NONSENSE = [{}];

describe.each(ROUTES)('the fields of $url', ({ url, fields, schema, body }) => {
  const app = () => appFor(saying('ok'));
  const post = (payload: object) => app().inject({ method: 'POST', url, headers: { host: 'localhost' }, payload });
  const named = (fate: Fate) => Object.entries(fields).flatMap(([name, own]) => (own === fate ? [name] : []));

  it('are all in the schema, and so in the description of the API', () => {
    expect(Object.keys(schema.shape)).toEqual(expect.arrayContaining(Object.keys(fields)));
  });

  it.each(named('honoured'))('%s is read: nonsense is refused by its name', async (name) => {
    const response = await post({ ...body, stream: name === 'stream_options' ? true : undefined, [name]: NONSENSE });
    expect(response.statusCode).toBe(400);
    expect(response.json().error.param).toMatch(new RegExp(`^${name}\\b`));
  });

  it.each(named('refused'))('%s is refused by its name, and null is none', async (name) => {
    const refused = await post({ ...body, [name]: NONSENSE });
    expect([refused.statusCode, refused.json().error.param]).toEqual([400, name]);
    expect((await post({ ...body, [name]: null })).statusCode).toBe(200);
  });

  it.each(named('ignored'))('%s is ignored, whatever it is', async (name) => {
    expect((await post({ ...body, [name]: NONSENSE })).statusCode).toBe(200);
  });
});
