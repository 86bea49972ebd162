// The machine under the numbers: what it is, and what its memory and its multipliers can do.

import { readFileSync } from 'node:fs';
import { arch, availableParallelism, cpus, loadavg, platform, release, totalmem } from 'node:os';
import { exec } from '../../scripts/build/exec.js';
import { compileC } from './compile.js';

/** Larger than any cache: what is read from here comes from memory. */
const MEMORY_BYTES = 2e9;

export interface Machine {
  cpu: string;
  cores: number;
  memoryGiB: number;
  system: string;
  node: string;
  /** Load average before the run: above 0.5 the figures are not to be trusted. */
  load: number;
  threads: number;
  /** Multiply-adds a second with all threads; int8 is VNNI's, 0 where there is none. AMX is not counted. */
  f32Rate: number;
  int8Rate: number;
}

/** Measures the machine with as many threads as the peers get. */
export async function describeMachine(threads: number): Promise<Machine> {
  const load = loadavg()[0] ?? 0;
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown processor',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${platform()} ${arch()} ${release()}`,
    node: process.version,
    load,
    threads,
    f32Rate: await measure(['f32', `${threads}`]),
    int8Rate: await measure(['int8', `${threads}`]),
  };
}

/** Bytes a second that all threads together read. */
export interface Bandwidth {
  memory: number;
  /** Of a buffer that is read again and again: above the memory's if a cache can hold it. */
  reread: number;
}

/** The better of this measurement and an `earlier` one; a buffer of `bytes` is the one that is read again and again. */
export async function measureBandwidth(threads: number, bytes: number, earlier?: Bandwidth): Promise<Bandwidth> {
  const memory = await measure(['read', `${threads}`, `${MEMORY_BYTES}`]);
  const reread = await measure(['read', `${threads}`, `${bytes}`]);
  return { memory: Math.max(memory, earlier?.memory ?? 0), reread: Math.max(reread, earlier?.reread ?? 0) };
}

const measure = async (args: readonly string[]): Promise<number> =>
  Number(await exec(await compileC('machine_rates', '-pthread', '-lm'), args));

/** True where the processor has AMX, whose tiles multiply int8 matrices several times as fast as VNNI. */
export const hasAmx = (): boolean =>
  process.platform === 'linux' && /\bamx_int8\b/.test(readFileSync('/proc/cpuinfo', 'utf8'));
