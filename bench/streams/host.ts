// What the main thread does for each decode step: drains the engine's events and hands tokens to those who read them.
// In this process, without text and HTTP.
import { loadEngine } from '../../src/engine/native-engine.js';
import { readCpu } from './cpu.js';

const OUTPUT_TOKENS = 128;
const PROMPT_TOKENS = 16;

export interface HostWork {
  streams: number;
  /** Of the main thread, microseconds a step of all streams. */
  drainUs: number;
}

/** Nothing where the system does not tell a thread's processor time. */
export async function measureDrain(folder: string, widths: readonly number[]): Promise<HostWork[]> {
  const engine = await loadEngine({ modelPath: folder, prefixCache: 0 });
  const one = async (seed: number) => {
    const tokens = Int32Array.from({ length: PROMPT_TOKENS }, (_, i) => (i * 7919 * seed + 13) % engine.info.vocabSize);
    const sampling = { temperature: 0, topP: 1, topK: 0, minP: 0 };
    let count = 0;
    for await (const event of engine.generate({ tokens, sampling, maxTokens: OUTPUT_TOKENS, stopTokens: [] })) {
      count += event.type === 'token' ? 1 : 0;
    }
    return count;
  };
  const all = (streams: number) => Promise.all(Array.from({ length: streams }, (_, i) => one(i + 1)));
  try {
    await all(4); // Until the code is compiled.
    const work: HostWork[] = [];
    for (const streams of widths) {
      const before = readCpu(process.pid);
      await all(streams);
      const after = readCpu(process.pid);
      if (!before || !after) return [];
      work.push({ streams, drainUs: (1000 * (after.mainThread - before.mainThread)) / OUTPUT_TOKENS });
    }
    return work;
  } finally {
    await engine.close();
  }
}
