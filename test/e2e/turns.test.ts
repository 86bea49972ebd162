// What the turns of a conversation with a real server take from the prefix cache, and what a server that is short of
// memory says.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ServerProcess, startServerProcess } from './openai-client-server.js';

interface Message {
  role: 'system' | 'user' | 'assistant';
  content: string;
}

interface Reply {
  choices: { message: Message }[];
  usage: { prompt_tokens: number; completion_tokens: number; prompt_tokens_details: { cached_tokens: number } };
}

const RULES = 'You are a guide to a small town. Answer in a few words, and name no prices. '.repeat(10);

async function post(server: ServerProcess, messages: Message[], maxTokens = 12): Promise<Response> {
  return fetch(`${server.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      model: 'SmolLM2-135M-Instruct-4bit',
      messages,
      temperature: 0,
      max_tokens: maxTokens,
    }),
  });
}

const ask = async (server: ServerProcess, messages: Message[]) =>
  (await (await post(server, messages)).json()) as Reply;

describe('a conversation', () => {
  let server: ServerProcess;
  beforeAll(async () => {
    server = await startServerProcess();
  });
  afterAll(() => server?.stop());

  it('takes from the cache at each turn all that the turn before had', async () => {
    const messages: Message[] = [{ role: 'system', content: RULES }];
    let before = 0;
    for (const question of ['Where is the market?', 'And the station?', 'Which is nearer?', 'Thank you!']) {
      messages.push({ role: 'user', content: question });
      const { choices, usage } = await ask(server, messages);
      expect(usage.prompt_tokens_details.cached_tokens).toBeGreaterThanOrEqual(before);
      expect(usage.prompt_tokens_details.cached_tokens).toBeLessThan(usage.prompt_tokens);
      before = usage.prompt_tokens;
      messages.push(choices[0]?.message as Message);
    }
  });

  it('takes what precedes a line that changes from request to request', async () => {
    const at = (time: string): Message[] => [
      { role: 'system', content: `${RULES.repeat(2)}It is ${time} o'clock.` },
      { role: 'user', content: 'Is the museum open?' },
    ];
    const first = await ask(server, at('nine'));
    const second = await ask(server, at('five'));
    const cached = second.usage.prompt_tokens_details.cached_tokens;
    expect(cached).toBeGreaterThan(first.usage.prompt_tokens - 40);
    expect(cached).toBeLessThan(second.usage.prompt_tokens - 5);
  });
});

it('a prompt beyond the memory limit is 400, as it fits at no other time, and others are served', async () => {
  const server = await startServerProcess('--memory-limit', '120MB');
  try {
    const refused = await post(server, [{ role: 'user', content: 'word '.repeat(4000) }]);
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([400, null]);
    const { error } = (await refused.json()) as { error: { code: string; message: string } };
    expect(error).toMatchObject({ type: 'invalid_request_error', param: 'messages', code: 'context_length_exceeded' });
    expect(error.message).toMatch(
      /^This model's maximum context length is \d+ tokens\. However, your prompt resulted in \d+ tokens, and the memory limit of 120 MB has room for \d+, completion included: shorten the prompt, raise --memory-limit or, on a CPU, lower --kv-bits\.$/,
    );
    const served = await ask(server, [{ role: 'user', content: 'Hello!' }]);
    expect(served.choices[0]?.message.content).not.toBe('');
  } finally {
    await server.stop();
  }
});
