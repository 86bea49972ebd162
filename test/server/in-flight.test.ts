// Time limits of requests: the deadline, and clients that do not read. Time is the test's own.
import { Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { InFlight } from '../../src/server/in-flight.js';

/** A response whose client reads when the test says so. */
class FakeResponse extends Writable {
  readonly warnings: unknown[] = [];
  #pending: (() => void)[] = [];

  override _write(_chunk: Buffer, _encoding: string, done: () => void): void {
    this.#pending.push(done);
  }

  read(): void {
    for (const done of this.#pending.splice(0)) done();
  }

  get asReply(): Parameters<InFlight['begin']>[0] {
    const log = { warn: (...line: unknown[]) => this.warnings.push(line) };
    return { raw: this, log } as unknown as Parameters<InFlight['begin']>[0];
  }
}

const settle = () => new Promise(setImmediate);

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'setInterval', 'clearTimeout', 'clearInterval'] });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('the deadline', () => {
  it('aborts a request that takes too long, with what its client is told', () => {
    const inFlight = new InFlight({ limit: 2, timeoutMs: 5000 });
    const { signal } = inFlight.begin(new FakeResponse().asReply);
    vi.advanceTimersByTime(4999);
    expect(signal.aborted).toBe(false);
    vi.advanceTimersByTime(1);
    expect(signal.reason).toMatchObject({ status: 504, body: { error: { code: 'request_timeout' } } });
  });

  it('is over with the response, and zero is none', async () => {
    const inFlight = new InFlight({ limit: 2, timeoutMs: 5000 });
    const response = new FakeResponse();
    const { signal } = inFlight.begin(response.asReply);
    response.end();
    await settle();
    expect(inFlight.size).toBe(0);
    vi.advanceTimersByTime(10_000);
    expect(signal.aborted).toBe(false);

    const patient = new InFlight({ limit: 2, timeoutMs: 0 });
    const other = patient.begin(new FakeResponse().asReply);
    vi.advanceTimersByTime(1_000_000_000);
    expect(other.signal.aborted).toBe(false);
  });
});

describe('a client that does not read', () => {
  it('is cut off after a while, and its generation cancelled', async () => {
    const inFlight = new InFlight({ limit: 2, timeoutMs: 0 });
    const response = new FakeResponse();
    const { signal } = inFlight.begin(response.asReply);
    response.write('a');
    vi.advanceTimersByTime(60_000);
    await settle();
    expect([response.destroyed, signal.aborted, inFlight.size]).toEqual([true, true, 0]);
    expect(response.warnings).toEqual([[{ unreadBytes: 1 }, 'client has stopped reading, cut off']]);
  });

  it('is not one that reads slowly, nor one with nothing to read', async () => {
    const inFlight = new InFlight({ limit: 2, timeoutMs: 0 });
    const slow = new FakeResponse();
    const waiting = new FakeResponse();
    for (const response of [slow, waiting]) inFlight.begin(response.asReply);
    for (let i = 0; i < 10; i++) {
      slow.write('x'.repeat(i + 1));
      vi.advanceTimersByTime(30_000);
      slow.read();
      await settle();
    }
    expect([slow.destroyed, waiting.destroyed]).toEqual([false, false]);
  });
});
