// An engine that breaks is loaded anew, a bounded number of times, and says so all the while. No model, no real pauses.
import { describe, expect, it } from 'vitest';
import { superviseEngine } from '../../src/engine/supervised-engine.js';
import type { Engine, TokenEvent } from '../../src/engine/types.js';
import { FakeEngine } from '../support/fake-engine.js';
import { GREEDY } from './tiny-models.js';

const REQUEST = { tokens: Int32Array.of(1), sampling: GREEDY, maxTokens: 4, stopTokens: [] };

/** A supervised engine whose loads and pauses the test plays. */
async function supervised() {
  const engines: FakeEngine[] = [];
  const loads: ((engine: FakeEngine | Error) => void)[] = [];
  const pauses: { ms: number; end: () => void }[] = [];
  const waiters: (() => void)[] = [];
  const wakeAll = () => {
    for (const wake of waiters.splice(0)) wake();
  };
  const load = () =>
    new Promise<Engine>((resolve, reject) => {
      loads.push((outcome) => {
        if (outcome instanceof Error) return reject(outcome);
        engines.push(outcome);
        resolve(outcome);
      });
      wakeAll();
    });
  const wait = (ms: number, signal: AbortSignal) =>
    new Promise<void>((end) => {
      signal.addEventListener('abort', () => end());
      pauses.push({ ms, end });
      wakeAll();
    });
  /** Resolves with the next of a list as soon as there is one. */
  const next = async <T>(list: T[]): Promise<T> => {
    while (list.length === 0) await new Promise<void>((resolve) => waiters.push(resolve));
    return list.shift() as T;
  };
  const starting = superviseEngine(load, wait);
  (await next(loads))(new FakeEngine({ manual: true }));
  const engine = await starting;
  return {
    engine,
    engines,
    nextPause: () => next(pauses),
    nextLoad: () => next(loads),
    breakIt: (message = 'the device is gone') => engines.at(-1)?.break(message),
  };
}

async function collect(events: AsyncIterable<TokenEvent>): Promise<TokenEvent[]> {
  const all: TokenEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}

const turn = () => new Promise(setImmediate);

describe('an engine that breaks', () => {
  it('fails its requests, refuses others while it is loaded anew, then answers again', async () => {
    const { engine, engines, nextPause, nextLoad, breakIt } = await supervised();
    const caught = collect(engine.generate(REQUEST)).catch((error: unknown) => error);
    await engines[0]?.nextCall();
    breakIt();
    expect(await caught).toMatchObject({ code: 'engine_failed', message: 'the device is gone' });
    const pause = await nextPause();
    expect(pause.ms).toBe(0);
    expect(() => engine.generate(REQUEST)).toThrow(expect.objectContaining({ code: 'engine_restarting' }));
    const facts = { restarts: 0, failures: 1, lastError: 'the device is gone', waiting: 0, running: 0 };
    expect(engine.stats()).toMatchObject({ state: 'restarting', ...facts });
    pause.end();
    (await nextLoad())(new FakeEngine({ replies: [[7]] }));
    await turn();
    expect(engine.stats()).toMatchObject({ state: 'ready', ...facts, restarts: 1 });
    expect(await collect(engine.generate(REQUEST))).toMatchObject([{ token: 7 }, { type: 'finish' }]);
    await engine.close();
    expect(engine.stats().state).toBe('closed');
  });

  it('is given up after a bounded number of attempts, each after a longer pause', async () => {
    const { engine, nextPause, nextLoad, breakIt } = await supervised();
    breakIt();
    const pauses: number[] = [];
    for (let attempt = 0; attempt < 5; attempt++) {
      const { ms, end } = await nextPause();
      pauses.push(ms);
      end();
      (await nextLoad())(new Error(`no memory, ${attempt}`));
    }
    expect(pauses).toEqual([...pauses].sort((a, b) => a - b));
    expect(await engine.ended).toMatchObject({ code: 'engine_failed', message: 'no memory, 4' });
    expect(engine.stats()).toMatchObject({ state: 'failed', restarts: 0, failures: 6, lastError: 'no memory, 4' });
    expect(() => engine.generate(REQUEST)).toThrow(expect.objectContaining({ code: 'engine_failed' }));
    await engine.close();
  });

  it('gets all its attempts again once a restart has produced tokens, and only then', async () => {
    const { engine, engines, nextPause, nextLoad, breakIt } = await supervised();
    const restart = async (replies?: number[][]) => {
      breakIt();
      const { ms, end } = await nextPause();
      end();
      (await nextLoad())(new FakeEngine(replies ? { replies } : { manual: true }));
      await turn();
      return ms;
    };
    expect(await restart()).toBe(0);
    expect(await restart([[7]])).toBeGreaterThan(0);
    await collect(engine.generate(REQUEST));
    expect(await restart()).toBe(0);
    expect(engines).toHaveLength(4);
    await engine.close();
  });

  it.each(['pause', 'load'])('can be closed during the %s', async (when) => {
    const { engine, nextPause, nextLoad, breakIt } = await supervised();
    breakIt();
    const pause = await nextPause();
    let loading: Awaited<ReturnType<typeof nextLoad>> | undefined;
    if (when === 'load') {
      pause.end();
      loading = await nextLoad();
    }
    const closed = engine.close();
    loading?.(new Error('aborted'));
    await closed;
    expect(await engine.ended).toBeUndefined();
  });

  it('leaves nothing open when its load ends after it was closed', async () => {
    const { engine, engines, nextPause, nextLoad, breakIt } = await supervised();
    breakIt();
    (await nextPause()).end();
    const loaded = await nextLoad();
    const closed = engine.close();
    loaded(new FakeEngine());
    await closed;
    expect(engines[1]?.stats().state).toBe('closed');
  });
});

it('throws what the first load throws', async () => {
  await expect(superviseEngine(() => Promise.reject(new Error('no such folder')))).rejects.toThrow('no such folder');
});
