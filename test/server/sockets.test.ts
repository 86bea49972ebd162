// What only real sockets show: clients that leave, read slowly, send too much or no HTTP; many streams; the drain.
import { EventEmitter, once } from 'node:events';
import { connect, type Socket } from 'node:net';
import pino from 'pino';
import { describe, expect, it } from 'vitest';
import { CHAT, chatBody, frames, saying, serve } from './support/requests.js';
import { type ScriptedCall, ScriptedModel } from './support/scripted-model.js';

const JSON_TYPE = { 'content-type': 'application/json' };

function send(url: string, extra: Record<string, unknown> = {}, signal?: AbortSignal): Promise<Response> {
  const body = JSON.stringify(chatBody(extra));
  return fetch(`${url}${CHAT}`, { method: 'POST', headers: JSON_TYPE, body, ...(signal ? { signal } : {}) });
}

async function raw(port: number, text: string): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  socket.write(text);
  return socket;
}

function rawChat(extra: Record<string, unknown>): string {
  const body = JSON.stringify(chatBody(extra));
  const head = [
    'Host: 127.0.0.1',
    'Connection: close',
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
  ];
  return `POST ${CHAT} HTTP/1.1\r\n${head.join('\r\n')}\r\n\r\n${body}`;
}

async function readAll(socket: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

/** Puts more into the call than a socket's buffers hold, and waits until the server has stopped taking. */
async function fill(call: ScriptedCall, count: number): Promise<void> {
  call.say(...Array.from({ length: count }, () => 'x'.repeat(64 * 1024)));
  for (let before = -1; before !== call.taken; ) {
    before = call.taken;
    for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate);
  }
}

describe('a client that leaves', () => {
  it.each([
    ['whole', {}],
    ['streamed', { stream: true }],
    ['two choices', { n: 2 }],
  ])('before the first token cancels the generation: %s', async (_, extra) => {
    const model = new ScriptedModel();
    const { url, app } = await serve(model);
    const leave = new AbortController();
    const response = send(url, extra, leave.signal);
    const calls = [await model.nextCall(), ...('n' in extra ? [await model.nextCall()] : [])];
    leave.abort();
    await expect(response).rejects.toThrow();
    await Promise.all(calls.map((call) => call.cancelled));
    expect(app.inFlight.size).toBe(0);
  });

  it('in the middle of a stream cancels it, and the server goes on', async () => {
    const model = new ScriptedModel();
    const { url } = await serve(model);
    const leave = new AbortController();
    const pending = send(url, { stream: true }, leave.signal);
    const call = await model.nextCall();
    call.say('first');
    await (await pending).body?.getReader().read();
    leave.abort();
    await call.cancelled;
    const next = send(url);
    (await model.nextCall()).say('ok').finish();
    expect((await next).status).toBe(200);
  });

  it('in the middle of its body is one line in the log, and no error', async () => {
    const lines: Record<string, unknown>[] = [];
    const logged = new EventEmitter();
    const write = (line: string) => {
      lines.push(JSON.parse(line));
      logged.emit(lines.at(-1)?.msg as string);
    };
    const { port } = await serve(saying('ok'), { logger: pino({}, { write }) });
    const gone = once(logged, 'client has gone');
    const socket = await raw(port, rawChat({}).slice(0, -5));
    socket.destroy();
    await gone;
    expect(lines.filter(({ level }) => level !== 30)).toEqual([]);
  });

  it('does not cancel others', async () => {
    const model = new ScriptedModel();
    const { url } = await serve(model);
    const leave = new AbortController();
    const gone = send(url, { stream: true }, leave.signal);
    const goneCall = await model.nextCall();
    const stays = send(url, { stream: true });
    const staysCall = await model.nextCall();
    leave.abort();
    await expect(gone).rejects.toThrow();
    await goneCall.cancelled;
    staysCall.say('still here').finish();
    expect(await (await stays).text()).toContain('still here');
  });
});

describe('a slow reader', () => {
  it('holds nobody up, and gets all of it in the end', async () => {
    const count = 200;
    const model = new ScriptedModel();
    const { url, port } = await serve(model);
    const slow = await raw(port, rawChat({ stream: true }));
    slow.pause();
    const slowCall = await model.nextCall();
    await fill(slowCall, count);

    const quick = send(url, { stream: true });
    (await model.nextCall()).say('quick').finish();
    expect(await (await quick).text()).toContain('[DONE]');

    slowCall.finish();
    const text = await readAll(slow);
    expect(text).toContain('[DONE]');
    expect(text.match(/x{65536}/g)).toHaveLength(count);
  });

  it('that is too far behind is cut off with a line in the log; others are not', async () => {
    const lines: Record<string, unknown>[] = [];
    const logger = pino({}, { write: (line: string) => lines.push(JSON.parse(line)) });
    const model = new ScriptedModel();
    const { url, port } = await serve(model, { logger });
    const slow = await raw(port, rawChat({ stream: true, n: 2 }));
    slow.pause();
    const [call, sibling] = [await model.nextCall(), await model.nextCall()];
    const quick = send(url, { stream: true });
    const quickCall = await model.nextCall();
    await fill(call, 800);
    await Promise.all([call.cancelled, sibling.cancelled]);
    expect(call.taken).toBeLessThan(800);
    quickCall.say('quick').finish();
    expect(await (await quick).text()).toContain('[DONE]');
    await expect(readAll(slow)).resolves.not.toContain('[DONE]');
    const cut = lines.filter(({ msg }) => msg === 'client reads too slowly, cut off');
    expect(cut).toEqual([expect.objectContaining({ level: 40, unreadBytes: expect.any(Number) })]);
  });

  it('that leaves before it has read is cancelled', async () => {
    const model = new ScriptedModel();
    const { port } = await serve(model);
    const slow = await raw(port, rawChat({ stream: true, n: 2 }));
    slow.pause();
    const calls = [await model.nextCall(), await model.nextCall()];
    await Promise.all(calls.map((call) => fill(call, 100)));
    slow.destroy();
    await Promise.all(calls.map((call) => call.cancelled));
  });
});

describe('many streams at once', () => {
  it('get their own text each', async () => {
    const model = new ScriptedModel();
    const { url } = await serve(model);
    const pending = Array.from({ length: 32 }, (_, index) => send(url, { stream: true, seed: index }));
    const calls: ScriptedCall[] = [];
    for (const _ of pending) calls.push(await model.nextCall());
    for (let word = 0; word < 5; word++) for (const call of calls) call.say(`${call.input.sampling.seed}:${word} `);
    for (const call of calls) call.finish();
    const texts = await Promise.all(pending.map(async (response) => content(await (await response).text())));
    expect(texts).toEqual(pending.map((_, i) => `${i}:0 ${i}:1 ${i}:2 ${i}:3 ${i}:4 `));
  });

  function content(stream: string): string {
    const chunks = frames(stream).slice(0, -1);
    return chunks.map((frame) => JSON.parse(frame).choices[0].delta.content ?? '').join('');
  }
});

describe('hostile bytes', () => {
  it('gives a 64 MB body its 413, announced, chunked or on a connection to be closed, and goes on', async () => {
    const { url, port } = await serve(saying('ok'));
    const body = Buffer.alloc(64 * 1024 * 1024, 'a');
    const head = `POST ${CHAT} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\n`;
    const writer = await raw(port, `${head}Content-Length: ${body.length}\r\n\r\n`);
    writer.pause(); // Reads nothing before all is written, as simple clients do.
    await new Promise((resolve) => writer.write(body, resolve));
    expect(await readAll(writer)).toMatch(/^HTTP\/1.1 413 /);
    const chunked = { body: new Blob([body]).stream(), duplex: 'half' as const };
    for (const init of [{ body }, chunked]) {
      const response = await fetch(`${url}${CHAT}`, { method: 'POST', headers: JSON_TYPE, ...init });
      expect(response.status).toBe(413);
      expect(await response.json()).toMatchObject({ error: { code: 'request_too_large' } });
    }
    expect((await send(url)).status).toBe(200);
  });

  it('answers a body without end, and reads no more of it', async () => {
    const { port } = await serve(saying('ok'), { bodyLimit: 1000 });
    const head = `POST ${CHAT} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n`;
    const socket = await raw(port, `${head}Transfer-Encoding: chunked\r\n\r\n`);
    const send = () => socket.write(`1000\r\n${'a'.repeat(0x1000)}\r\n`, (error) => error ?? setImmediate(send));
    send();
    let answer = '';
    socket.on('data', (chunk) => {
      answer += chunk;
    });
    await once(socket, 'close');
    expect(answer).toMatch(/^HTTP\/1.1 413 /);
  });

  it.each([
    ['what is not HTTP', 'HELLO\r\n\r\n', 400],
    ['no Host', 'GET / HTTP/1.1\r\n\r\n', 400],
    ['no Host in HTTP/1.0', 'GET / HTTP/1.0\r\n\r\n', 403],
    ['a verb of WebDAV', 'PROPFIND /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n', 405],
    ['an empty Host', 'GET / HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n', 403],
    ['huge headers', `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'a'.repeat(100_000)}\r\n\r\n`, 431],
  ])('answers %s with a status', async (_, text, status) => {
    const { port } = await serve(saying('ok'));
    const answer = await readAll(await raw(port, text));
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  });
});

describe('bytes that are not HTTP, after a request', () => {
  it('end its stream, and are not answered in it', async () => {
    const model = new ScriptedModel();
    const { port } = await serve(model);
    const socket = await raw(port, rawChat({ stream: true }));
    const call = await model.nextCall();
    call.say('first');
    await once(socket, 'readable');
    socket.write('HELLO\r\n\r\n');
    expect((await readAll(socket)).match(/HTTP\/1\.1/g)).toHaveLength(1);
    await call.cancelled;
  });

  it('are answered where it has no answer yet', async () => {
    const model = new ScriptedModel();
    const { port } = await serve(model);
    const socket = await raw(port, `${rawChat({}).replace('close', 'keep-alive')}HELLO\r\n\r\n`);
    expect(await readAll(socket)).toMatch(/^HTTP\/1.1 400 /);
    await (await model.nextCall()).cancelled;
  });
});

describe('the drain', () => {
  it('lets what runs finish, refuses what comes, tells so in /health, then closes', async () => {
    const model = new ScriptedModel();
    const server = await serve(model);
    const pending = send(server.url, { stream: true });
    const call = await model.nextCall();
    call.say('first');
    const response = await pending;
    const drained = server.drain(60_000);
    const health = await fetch(`${server.url}/health`);
    expect([health.status, await health.json()]).toMatchObject([503, { status: 'draining', in_flight: 1 }]);
    const refused = await send(server.url);
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '2']);
    expect(await refused.json()).toMatchObject({ error: { code: 'server_shutting_down' } });
    call.say('second').finish();
    expect(await response.text()).toMatch(/second[\s\S]*\[DONE\]/);
    await drained;
    await expect(fetch(`${server.url}/health`)).rejects.toThrow();
  });

  it('cancels at the deadline what still runs, and says so', async () => {
    const model = new ScriptedModel();
    const server = await serve(model);
    const whole = send(server.url);
    const wholeCall = await model.nextCall();
    const streamed = send(server.url, { stream: true });
    const streamedCall = await model.nextCall();
    streamedCall.say('first');
    const stream = await streamed;
    const first = server.drain(60_000);
    await Promise.all([server.drain(0), first, wholeCall.cancelled, streamedCall.cancelled]);
    expect((await whole).status).toBe(503);
    const last = frames(await stream.text()).at(-1);
    expect(JSON.parse(last ?? '')).toMatchObject({ error: { code: 'server_shutting_down' } });
  });
  it('does not wait for a client that does not read', async () => {
    const model = new ScriptedModel();
    const server = await serve(model);
    const slow = await raw(server.port, rawChat({ stream: true }));
    slow.pause();
    await fill(await model.nextCall(), 400);
    await server.drain(0);
    await expect(readAll(slow)).resolves.not.toContain('[DONE]');
  });
});
