// Processor time of a server process and of its main thread, beside this one's. Linux tells it; elsewhere there is none.
import { readFileSync } from 'node:fs';

/** Milliseconds. */
export interface CpuTimes {
  /** All threads: kernels, the engine thread, Node. */
  server: number;
  /** Node's main thread alone. */
  mainThread: number;
  client: number;
}

/** Of Linux, on every architecture that Node runs on. */
const MS_A_TICK = 10;

export function readCpu(pid: number): CpuTimes | undefined {
  if (process.platform !== 'linux') return undefined;
  const { user, system } = process.cpuUsage();
  return {
    server: ticks(`/proc/${pid}/stat`) * MS_A_TICK,
    mainThread: Number(readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'latin1').split(' ')[0]) / 1e6,
    client: (user + system) / 1000,
  };
}

/** A token's share of what was used since. */
export function since(before: CpuTimes, after: CpuTimes | undefined, tokens: number): CpuTimes | undefined {
  if (!after) return undefined;
  const each = (name: keyof CpuTimes) => (after[name] - before[name]) / tokens;
  return { server: each('server'), mainThread: each('mainThread'), client: each('client') };
}

/** User and system time. The name, in brackets, may hold spaces. */
function ticks(file: string): number {
  const stat = readFileSync(file, 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(fields[11]) + Number(fields[12]);
}
