// Every rejection of the API contract: status, code, param, and what the message says.
import { describe, expect, it } from 'vitest';
import { chatCompletionRequest } from '../../src/schemas/chat-completions.js';
import { appFor, CHAT, chatBody, get, post, saying } from './support/requests.js';

const app = () => appFor(saying('ok'));
const messages = (...list: unknown[]) => ({ messages: list });
const user = { role: 'user', content: 'Hello' };
const tool = { name: 'now' };
const wrap = (definition: object) => ({ type: 'function', function: definition });
const call = { id: 'call_1', ...wrap({ name: 'now', arguments: '{}' }) };
const assistant = { role: 'assistant', content: null, tool_calls: [call] };
const broken = { role: 'assistant', content: null, tool_calls: [{ id: 'call_1', type: 'function' }] };
const DEEP = Array.from({ length: 65 }).reduce<object>((inner) => ({ inner }), {});
const image = { type: 'image_url', image_url: { url: 'data:' } };

type Row = [body: Record<string, unknown>, param: string, code: string | null, message: RegExp];

const MANY_BIASES = Object.fromEntries(Array.from({ length: 1025 }, (_, token) => [token, 1]));

const REFUSED: Row[] = [
  // Missing
  [{ model: undefined }, 'model', 'missing_required_parameter', /^Missing required parameter: 'model'\.$/],
  [{ messages: undefined }, 'messages', 'missing_required_parameter', /'messages'/],
  [messages({ content: 'a' }), 'messages[0].role', 'missing_required_parameter', /'messages\[0\]\.role'/],
  [messages({ role: 'user' }), 'messages[0].content', 'missing_required_parameter', /content/],
  [messages({ role: 'assistant' }), 'messages[0].content', 'missing_required_parameter', /content/],
  [messages({ role: 'function', content: 'a' }), 'messages[0].name', 'missing_required_parameter', /name/],
  [{ tools: [{ type: 'function' }] }, 'tools[0].function', 'missing_required_parameter', /function/],
  [{ functions: [{}] }, 'functions[0].name', 'missing_required_parameter', /name/],
  [messages(user, broken), 'messages[1].tool_calls[0].function', 'missing_required_parameter', /function/],
  // Wrong type
  [{ tools: [wrap({ ...tool, parameters: 'x' })] }, 'tools[0].function.parameters', 'invalid_type', /an object/],
  [{ chat_template_kwargs: [] }, 'chat_template_kwargs', 'invalid_type', /an object/],
  [{ enable_thinking: 'no' }, 'enable_thinking', 'invalid_type', /a boolean/],
  [{ model: 5 }, 'model', 'invalid_type', /expected a string, but got an integer instead/],
  [{ messages: 'hi' }, 'messages', 'invalid_type', /expected an array, but got a string/],
  [messages('hi'), 'messages[0]', 'invalid_type', /expected an object, but got a string/],
  [messages({ role: 5, content: '' }), 'messages[0].role', 'invalid_type', /one of 'developer', .* got an integer/],
  [
    messages({ role: 'user', content: null }),
    'messages[0].content',
    'invalid_type',
    /a string or an array, but got null/,
  ],
  [messages({ role: 'user', content: ['a'] }), 'messages[0].content[0]', 'invalid_type', /an object, but got a string/],
  [{ max_tokens: 1.5 }, 'max_tokens', 'invalid_type', /expected an integer, but got a decimal number instead/],
  [{ max_tokens: '5' }, 'max_tokens', 'invalid_type', /expected an integer, but got a string/],
  [{ temperature: 'hot' }, 'temperature', 'invalid_type', /expected a decimal number, but got a string/],
  [{ stream: 'yes' }, 'stream', 'invalid_type', /expected a boolean, but got a string/],
  [{ stop: 5 }, 'stop', 'invalid_type', /a string or an array, but got an integer/],
  [{ stop: ['a', 5] }, 'stop[1]', 'invalid_type', /a string, but got an integer/],
  [{ stop: {} }, 'stop', 'invalid_type', /got an object/],
  [{ stream: true, stream_options: true }, 'stream_options', 'invalid_type', /an object, but got a boolean/],
  [{ reasoning: { max_tokens: 1 }, thinking_budget: 2 }, 'reasoning.max_tokens', 'invalid_value', /'thinking_budget'/],
  [{ reasoning: { exclude: true } }, 'reasoning.exclude', 'unsupported_parameter', /not supported/],
  [{ cache_salt: '' }, 'cache_salt', 'empty_string', /at least one/],
  // Out of range
  [{ thinking_budget: 0, max_thinking_tokens: 0 }, 'max_thinking_tokens', 'invalid_value', /'thinking_budget'/],
  [{ thinking_budget: -1 }, 'thinking_budget', 'integer_below_min_value', />= 0/],
  [{ temperature: 200 }, 'temperature', 'decimal_above_max_value', /value <= 2, but got 200 instead/],
  [{ temperature: -0.1 }, 'temperature', 'decimal_below_min_value', /value >= 0, but got -0.1/],
  [{ top_p: 1.1 }, 'top_p', 'decimal_above_max_value', /<= 1/],
  [{ min_p: -1 }, 'min_p', 'decimal_below_min_value', />= 0/],
  [{ top_k: -2 }, 'top_k', 'integer_below_min_value', />= -1/],
  [{ n: 0 }, 'n', 'integer_below_min_value', />= 1, but got 0/],
  [{ n: 1e9 }, 'n', 'integer_above_max_value', /<= 16, but got 1000000000/],
  [{ n: 1e300 }, 'n', 'integer_above_max_value', /<= 16/],
  [{ max_tokens: 0 }, 'max_tokens', 'integer_below_min_value', />= 1/],
  [{ max_completion_tokens: -5 }, 'max_completion_tokens', 'integer_below_min_value', />= 1/],
  [{ max_tokens: 2 ** 40 }, 'max_tokens', 'integer_above_max_value', /<= 2147483647/],
  [{ seed: 2 ** 64 }, 'seed', 'integer_above_max_value', /<= 9223372036854776000/],
  [{ seed: 0.5 }, 'seed', 'invalid_type', /expected an integer, but got a decimal number/],
  [{ seed: '5' }, 'seed', 'invalid_type', /expected an integer, but got a string/],
  [{ frequency_penalty: 3 }, 'frequency_penalty', 'decimal_above_max_value', /<= 2/],
  [{ top_logprobs: 21 }, 'top_logprobs', 'integer_above_max_value', /<= 20/],
  [{ logprobs: true, top_logprobs: -1 }, 'top_logprobs', 'integer_below_min_value', />= 0/],
  [{ logit_bias: { 999999999999: 1 } }, 'logit_bias', 'invalid_value', /999999999999/],
  // Wrong value
  [messages(), 'messages', 'empty_array', /empty array/],
  [messages(...Array(16_385).fill(user)), 'messages', 'array_above_max_length', /at most 16384 .* got 16385/],
  [
    messages({ role: 'robot', content: '' }),
    'messages[0].role',
    'invalid_value',
    /'robot'.*'developer', .*and 'function'/,
  ],
  [messages({ role: 'user', content: [] }), 'messages[0].content', 'empty_array', /empty array/],
  [messages({ role: 'user', content: [{ type: 'x' }] }), 'messages[0].content[0].type', 'invalid_value', /'text'/],
  [{ stop: '' }, 'stop', 'empty_string', /empty string/],
  [{ stop: ['a', ''] }, 'stop[1]', 'empty_string', /empty string/],
  [{ stop: ['a', 'b', 'c', 'd', 'e'] }, 'stop', 'array_above_max_length', /at most 4 elements, but got 5/],
  [{ stop: 'a'.repeat(2000) }, 'stop', 'string_above_max_length', /at most 1024 characters, but got 2000/],
  [{ tool_choice: 'maybe' }, 'tool_choice', 'invalid_value', /'none', 'auto', and 'required'/],
  [{ response_format: { type: 'xml' } }, 'response_format.type', 'invalid_value', /'json_schema'/],
  [{ stream_options: { include_usage: true } }, 'stream_options', null, /only allowed when 'stream'/],
  [messages(user, { role: 'tool', content: 'a', tool_call_id: 'x' }), 'messages[1].role', null, /preceding message/],
  [{ tool_choice: 'always' }, 'tool_choice', 'invalid_value', /'none', 'auto', and 'required'/],
  [{ tools: [{ type: 'custom', custom: {} }] }, 'tools[0].type', 'invalid_value', /'custom'.*'function'/],
  [{ tools: [{ name: 'a b' }].map(wrap) }, 'tools[0].function.name', 'invalid_value', /does not match pattern/],
  [{ tools: Array(257).fill(wrap(tool)) }, 'tools', 'array_above_max_length', /at most 256/],
  [{ tools: [wrap({ ...tool, parameters: DEEP })] }, 'tools[0].function.parameters', 'invalid_value', /64 levels/],
  [{ tools: [wrap(tool)], functions: [tool] }, 'functions', 'invalid_value', /together with 'tools'/],
  [{ reasoning_effort: 'huge' }, 'reasoning_effort', 'invalid_value', /'minimal'/],
  [messages(user, assistant, { role: 'tool', content: 'a', tool_call_id: 'x' }), 'messages[2].role', null, /preceding/],
  // Known and not supported
  [{ presence_penalty: -3 }, 'presence_penalty', 'decimal_below_min_value', />= -2/],
  [{ logit_bias: [5] }, 'logit_bias', 'invalid_type', /expected an? (object|record)/],
  [{ logit_bias: { 5: 101 } }, 'logit_bias.5', 'decimal_above_max_value', /<= 100/],
  [{ logit_bias: { 5: '1' } }, 'logit_bias.5', 'invalid_type', /a decimal number/],
  [{ logit_bias: { five: 1 } }, 'logit_bias', 'invalid_value', /'five'.*token id/],
  [{ logit_bias: { '-5': 1 } }, 'logit_bias', 'invalid_value', /'-5'/],
  [{ logit_bias: { 512: 1 } }, 'logit_bias', 'invalid_value', /512.*below 512/],
  [{ logit_bias: MANY_BIASES }, 'logit_bias', 'object_above_max_properties', /at most 1024/],
  [{ typical_p: 1.5 }, 'typical_p', 'decimal_above_max_value', /<= 1/],
  [{ xtc_probability: -0.1 }, 'xtc_probability', 'decimal_below_min_value', />= 0/],
  [{ xtc_threshold: 2 }, 'xtc_threshold', 'decimal_above_max_value', /<= 1/],
  [{ repetition_penalty: 0 }, 'repetition_penalty', 'decimal_below_min_value', />= 0.01/],
  [{ repetition_context_size: -1 }, 'repetition_context_size', 'integer_below_min_value', />= 0/],
  [{ top_logprobs: 2 }, 'top_logprobs', null, /only allowed when 'logprobs'/],
  [{ tool_choice: 'required' }, 'tool_choice', null, /has no tools/],
  [{ tool_choice: { type: 'function' } }, 'tool_choice.function', 'missing_required_parameter', /Missing/],
  [{ tool_choice: { type: 'custom' } }, 'tool_choice.type', 'invalid_value', /'custom'.*'allowed_tools'/],
  [{ tool_choice: { type: 'function', function: { name: 'g' } } }, 'tool_choice.function.name', 'invalid_value', /'g'/],
  [
    {
      tools: [wrap(tool)],
      tool_choice: { type: 'allowed_tools', allowed_tools: { mode: 'auto', tools: [wrap({ name: 'g' })] } },
    },
    'tool_choice.allowed_tools.tools[0].function.name',
    'invalid_value',
    /'g' is not one of the tools/,
  ],
  [{ function_call: { name: 'f' } }, 'function_call.name', 'invalid_value', /'f' is not one of the tools/],
  [
    { tools: [wrap({ ...tool, strict: true, parameters: { type: 'object', properties: { a: { not: {} } } } })] },
    'tools[0].function.parameters.properties.a.not',
    'invalid_json_schema',
    /does not support/,
  ],
  [
    { functions: [{ ...tool, strict: true, parameters: { $ref: '#/x' } }] },
    'functions[0].parameters.$ref',
    'invalid_json_schema',
    /not in this schema/,
  ],
  [
    schemaFormat({ type: 'object', properties: { a: { format: 'x' } } }),
    'response_format.json_schema.schema.properties.a.format',
    'invalid_json_schema',
    /'date-time'|date-time/,
  ],
  [
    schemaFormat({ anyOf: [{}, { uniqueItems: true }] }),
    'response_format.json_schema.schema.anyOf[1].uniqueItems',
    'invalid_json_schema',
    /does not support/,
  ],
  [schemaFormat(DEEP), 'response_format.json_schema.schema', 'invalid_value', /64 levels/],
  [
    { response_format: { type: 'json_schema' } },
    'response_format.json_schema',
    'missing_required_parameter',
    /Missing/,
  ],
  [
    { response_format: { type: 'json_schema', json_schema: { name: 'a b' } } },
    'response_format.json_schema.name',
    'invalid_value',
    /pattern/,
  ],
  [{ guided_json: '{"type"' }, 'guided_json', 'invalid_type', /object/],
  [{ guided_json: { not: {} } }, 'guided_json.not', 'invalid_json_schema', /does not support/],
  [{ guided_choice: [] }, 'guided_choice', 'empty_array', /empty array/],
  [{ guided_regex: '' }, 'guided_regex', 'empty_string', /empty string/],
  [{ structured_outputs: { xml: '' } }, 'structured_outputs.xml', 'unsupported_parameter', /not supported/],
  [
    { structured_outputs: { json: { typo: 1 } } },
    'structured_outputs.json.typo',
    'invalid_json_schema',
    /does not support/,
  ],
  [
    { guided_regex: 'a', response_format: { type: 'json_object' } },
    'guided_regex',
    'invalid_value',
    /together with 'response_format'/,
  ],
  [{ guided_regex: 'a', ignore_eos: true }, 'ignore_eos', 'invalid_value', /together with 'guided_regex'/],
  [{ modalities: ['text', 'audio'] }, 'modalities', 'unsupported_value', /'text,audio'/],
  [{ audio: { voice: 'a' } }, 'audio', 'unsupported_parameter', /not supported/],
  [{ web_search_options: {} }, 'web_search_options', 'unsupported_parameter', /not supported/],
  [messages({ role: 'user', content: [image] }), 'messages[0].content[0].type', 'unsupported_value', /'image_url'/],
];

function schemaFormat(schema: object) {
  return { response_format: { type: 'json_schema', json_schema: { name: 's', schema } } };
}

describe('a chat request that is refused', () => {
  it.each(REFUSED.map((row) => [JSON.stringify(row[0]).slice(0, 80), ...row] as const))(
    '%s',
    async (_, extra, param, code, message) => {
      const model = saying('ok');
      const response = await post(appFor(model), chatBody(extra));
      expect(response.statusCode).toBe(400);
      expect(model.calls).toEqual([]); // It has cost nothing.
      const { error } = response.json();
      expect(error).toEqual({ message: expect.stringMatching(message), type: 'invalid_request_error', param, code });
    },
  );

  it.each([
    { messages: Array(1000).fill(5) },
    { messages: [{ role: 'user', content: Array(1000).fill({ type: 'x' }) }] },
    { stop: Array(1000).fill(5) },
    { modalities: Array(1000).fill(5) },
  ])('keeps one issue, not one for each of the wrong values that fill a body', (extra) => {
    expect(chatCompletionRequest.safeParse(chatBody(extra)).error?.issues).toHaveLength(1);
  });

  it('keeps echoed text short', async () => {
    const response = await post(app(), chatBody({ model: 'm'.repeat(10_000) }));
    expect(response.statusCode).toBe(404);
    expect(response.body.length).toBeLessThan(400);
    const url = `/v1/models/${'m'.repeat(10_000)}`;
    const wrongVerb = await app().inject({ method: 'POST', url, headers: { host: 'localhost' } });
    expect([wrongVerb.statusCode, wrongVerb.body.length < 400]).toEqual([405, true]);
  });
});

describe('a body that is not a JSON object', () => {
  const couldNotParse = {
    message: expect.stringMatching(/^We could not parse the JSON body/),
    param: null,
    code: null,
  };
  const deep = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);

  it.each([
    ['cut', '{"model":'],
    ['empty', ''],
    ['null', 'null'],
    ['an array', '[]'],
    ['a string', '"text"'],
    ['a number', '5'],
    ['NaN', 'NaN'],
    ['an object with NaN', '{"a":NaN}'],
    ['a __proto__ key', '{"__proto__":{"polluted":1}}'],
    ['a constructor.prototype key', '{"constructor":{"prototype":{"polluted":1}}}'],
    ['a million arrays deep', deep(1_000_000)],
    ['not UTF-8', Buffer.from('{"model":"\xe9"}', 'latin1')],
    ['UTF-16', Buffer.from('{"model":"m"}', 'utf16le')],
  ])('%s', async (_, body) => {
    const response = await post(app(), body);
    expect(response.statusCode).toBe(400);
    expect(response.json().error).toMatchObject(couldNotParse);
    expect({}).not.toHaveProperty('polluted');
  });

  it('refuses a number that overflows, where it is used', async () => {
    const [model, content] = ['"model":"scripted/model"', '"messages":[{"role":"user","content":"a"}]'];
    const response = await post(app(), `{${model},${content},"temperature":1e309}`);
    expect(response.statusCode).toBe(400);
    expect(response.json().error).toMatchObject({ code: 'invalid_type', param: 'temperature' });
    expect((await post(app(), `{${model},${content},"unknown":1e309}`)).statusCode).toBe(200);
  });

  it('takes the last of duplicate keys, a byte order mark, and deep nesting in a field that it ignores', async () => {
    const whole = JSON.stringify(chatBody());
    const twice = await post(app(), whole.replace('{', '{"model":"other",'));
    const marked = await post(app(), `\ufeff${whole}`);
    const nested = await post(app(), whole.replace('{', `{"metadata":${deep(100_000)},`));
    expect([twice.statusCode, marked.statusCode, nested.statusCode]).toEqual([200, 200, 200]);
  });
});

describe('a request that is not for us', () => {
  it.each(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'text/json', 'x'])(
    'refuses content type %s with 415',
    async (type) => {
      const response = await post(app(), chatBody(), { 'content-type': type });
      expect(response.statusCode).toBe(415);
      expect(response.json().error).toMatchObject({ type: 'invalid_request_error', code: 'unsupported_content_type' });
    },
  );

  it('refuses a compressed body with 415', async () => {
    const response = await post(app(), chatBody(), { 'content-encoding': 'gzip' });
    expect(response.statusCode).toBe(415);
    expect(response.json().error).toMatchObject({ code: 'unsupported_content_encoding', param: null });
  });

  it('takes application/json with a charset', async () => {
    const type = { 'content-type': 'application/json; charset=utf-8' };
    expect((await post(app(), chatBody(), type)).statusCode).toBe(200);
  });

  it('refuses a body over the limit with 413', async () => {
    const response = await post(appFor(saying('ok'), { bodyLimit: 1000 }), chatBody({ user: 'u'.repeat(1000) }));
    expect(response.statusCode).toBe(413);
    expect(response.json().error).toMatchObject({ code: 'request_too_large', message: expect.stringMatching(/1000/) });
  });

  it.each([
    ['GET', '/v1/nothing', 404, 'unknown_url', undefined],
    ['POST', '/v1/completion', 404, 'unknown_url', undefined],
    ['GET', CHAT, 405, 'method_not_allowed', 'POST'],
    ['DELETE', '/v1/models', 405, 'method_not_allowed', 'GET, HEAD'],
    ['POST', '/v1/models/a/b', 405, 'method_not_allowed', 'GET, HEAD'],
    ['OPTIONS', '/health?x=1', 405, 'method_not_allowed', 'GET, HEAD'],
  ] as const)('%s %s: %i', async (method, url, status, code, allow) => {
    const response = await app().inject({ method, url, headers: { host: 'localhost' } });
    expect(response.statusCode).toBe(status);
    expect(response.json().error).toMatchObject({ type: 'invalid_request_error', param: null, code });
    expect(response.headers.allow).toBe(allow);
    expect(response.headers['x-request-id']).toBeDefined();
  });

  it('refuses a broken percent-encoding', async () => {
    const response = await get(app(), '/v1/models/%zz');
    expect(response.statusCode).toBe(400);
    expect(response.json().error.code).toBe('invalid_request');
    expect(response.headers['x-request-id']).toBeDefined();
  });
});
