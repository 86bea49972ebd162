import { describe, expect, it } from 'vitest';
import { appFor, saying } from './support/requests.js';

function post(url: string, body: Record<string, unknown>) {
  const headers = { host: 'localhost', 'content-type': 'application/json' };
  return appFor(saying()).inject({ method: 'POST', url, headers, payload: { model: 'scripted/model', ...body } });
}

describe('POST /tokenize', () => {
  it('gives the tokens of a text, with and without its start, and of a conversation', async () => {
    const { body } = await post('/tokenize', { prompt: 'Hi' });
    expect(JSON.parse(body)).toEqual({ tokens: [0, 72, 105], count: 3, max_model_len: 128 });
    expect((await post('/tokenize', { prompt: 'Hi', add_special_tokens: false })).json().tokens).toEqual([72, 105]);
    const messages = [{ role: 'user', content: 'Hi' }];
    expect((await post('/tokenize', { messages })).json().count).toBe(3);
  });

  it.each([
    [{}, 'prompt', 'missing_required_parameter'],
    [{ prompt: 'a', messages: [{ role: 'user', content: 'a' }] }, 'prompt', 'invalid_value'],
    [{ prompt: 5 }, 'prompt', 'invalid_type'],
  ])('refuses %j', async (body, param, code) => {
    const response = await post('/tokenize', body);
    expect([response.statusCode, response.json().error.param, response.json().error.code]).toEqual([400, param, code]);
  });
});

describe('POST /detokenize', () => {
  it('gives the text of tokens', async () => {
    expect((await post('/detokenize', { tokens: [72, 105] })).json()).toEqual({ prompt: 'Hi' });
    expect((await post('/detokenize', { tokens: [-1] })).json().error.param).toBe('tokens[0]');
    expect((await post('/detokenize', { tokens: [1, 2 ** 31] })).json().error.param).toBe('tokens[1]');
    const tooMany = await post('/detokenize', { tokens: Array(2 ** 20 + 1).fill(72) });
    expect(tooMany.json().error).toMatchObject({ param: 'tokens', code: 'array_above_max_length' });
    expect((await post('/detokenize', { model: 'other', tokens: [] })).statusCode).toBe(404);
  });
});
