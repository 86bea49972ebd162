import { describe, expect, it } from 'vitest';
import { TokenQueue } from '../../src/engine/token-queue.js';
import type { TokenEvent } from '../../src/engine/types.js';

const token = (n: number): TokenEvent => ({ type: 'token', token: n });

describe('TokenQueue', () => {
  it('gives events in order, those that wait and those that are waited for', async () => {
    const queue = new TokenQueue();
    queue.push(token(1));
    queue.push(token(2));
    expect(await queue.next()).toEqual(token(1));
    expect(queue.take()).toEqual(token(2));
    expect(queue.take()).toBeUndefined();
    const waited = queue.next();
    queue.push(token(3));
    queue.push(token(4));
    expect(await waited).toEqual(token(3));
    expect(await queue.next()).toEqual(token(4));
  });

  it('rejects after a failure, once what came before has been read', async () => {
    const queue = new TokenQueue();
    queue.push(token(1));
    queue.fail(new Error('boom'));
    expect(await queue.next()).toEqual(token(1));
    await expect(queue.next()).rejects.toThrow('boom');
    await expect(queue.next()).rejects.toThrow('boom');
  });

  it('wakes a reader that waits when it fails', async () => {
    const queue = new TokenQueue();
    const waited = queue.next();
    queue.fail(new Error('boom'));
    await expect(waited).rejects.toThrow('boom');
  });
});
