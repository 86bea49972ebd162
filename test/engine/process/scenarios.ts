// What the processes of processes.test.ts do: node scenarios.ts NAME. Prints replies as JSON, a line each.

import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { loadEngine } from '../../../src/engine/native-engine.js';
import type { Engine } from '../../../src/engine/types.js';
import { CONTEXT, request, tinyModelPath } from '../tiny-models.js';

const load = () => loadEngine({ modelPath: tinyModelPath() });

async function reply(engine: Engine): Promise<number[]> {
  const tokens: number[] = [];
  for await (const event of engine.generate(request())) if (event.type === 'token') tokens.push(event.token);
  return tokens;
}

/** Generates for as long as the process lives; calls `then` after the third token. */
async function generateOn(engine: Engine, then: () => void): Promise<void> {
  let count = 0;
  for (;;) {
    for await (const event of engine.generate(request({ maxTokens: CONTEXT }))) {
      if (event.type === 'token' && ++count === 3) then();
    }
  }
}

/** Starts a worker that plays a role below. */
function worker(role: string): Worker {
  return new Worker(new URL('./worker.mjs', import.meta.url), { workerData: role });
}

const print = (tokens: unknown) => console.log(JSON.stringify(tokens));

const scenarios: Record<string, () => Promise<unknown>> = {
  idle: async () => print(await reply(await load())),

  exit: async () => generateOn(await load(), () => process.exit(7)),

  'exit-while-loading': async () => {
    const onProgress = () => process.exit(7);
    await loadEngine({ modelPath: tinyModelPath(), onProgress });
  },

  throw: async () => {
    const fail = () => {
      throw new Error('nobody catches this');
    };
    await generateOn(await load(), () => setImmediate(fail));
  },

  terminate: async () => {
    for (let i = 0; i < 2; ++i) {
      const generating = worker('generate-on');
      await new Promise((resolve) => generating.once('message', resolve));
      await generating.terminate();
    }
    const engine = await load();
    print(await reply(engine));
    await engine.close();
  },

  environments: async () => {
    for (let round = 0; round < 2; ++round) {
      const workers = [1, 2, 3].map(() => worker('reply'));
      for (const each of workers) each.once('message', print);
      await Promise.all(workers.map((each) => new Promise((resolve) => each.once('exit', resolve))));
    }
  },

  forget: async () => {
    let collected = false;
    const registry = new FinalizationRegistry(() => {
      collected = true;
    });
    await (async () => {
      const engine = await load();
      await reply(engine);
      registry.register(engine, undefined);
    })();
    while (!collected) {
      await new Promise(setImmediate);
      globalThis.gc?.();
    }
    console.log('collected');
  },
};

const roles: Record<string, () => Promise<unknown>> = {
  'generate-on': async () => generateOn(await load(), () => parentPort?.postMessage('generating')),
  reply: async () => parentPort?.postMessage(await reply(await load())),
};

await (isMainThread ? scenarios[process.argv[2] ?? ''] : roles[workerData as string])?.();
