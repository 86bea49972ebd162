// What this machine and this installation have, and what they lack: facts for `mlxd doctor`. Changes nothing.
import { arch, cpus, freemem, type as osType, platform, release, totalmem } from 'node:os';
import { inspectModel } from '../engine/inspect.js';
import { probeRuntime } from '../engine/runtime.js';
import type { EngineOptions } from '../engine/types.js';
import type { ModelStore } from './model-store.js';

export interface Check {
  name: string;
  /** `warning`: works, but not as it might. */
  status: 'ok' | 'warning' | 'failed';
  detail: string;
  /** What to do about it. */
  fix?: string;
}

const LEAST_NODE = [20, 19] as const;
const GIB = 2 ** 30;

export function checkMachine(): Check[] {
  const processors = cpus();
  const model = processors[0]?.model.trim();
  return [
    {
      name: 'machine',
      status: 'ok',
      detail: `${platform()}-${arch()}, ${processors.length} CPUs${model ? `, ${model}` : ''}`,
    },
    { name: 'memory', status: 'ok', detail: `${gib(totalmem())}, ${gib(freemem())} free` },
    { name: 'system', status: 'ok', detail: [osType(), release(), libc()].filter(Boolean).join(', ') },
    checkNode(process.versions.node),
  ];
}

export function checkNode(version: string): Check {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const isOld = major < LEAST_NODE[0] || (major === LEAST_NODE[0] && minor < LEAST_NODE[1]);
  const detail = `Node ${version}`;
  if (!isOld) return { name: 'node', status: 'ok', detail };
  return { name: 'node', status: 'failed', detail, fix: `Use Node ${LEAST_NODE.join('.')} or later` };
}

export function checkRuntime(): Check[] {
  const runtime = probeRuntime();
  if (!runtime.loads) return [{ name: 'addon', status: 'failed', detail: runtime.reason, fix: runtime.fix }];
  const { addonPath, mlxVersion, gpu, grammars } = runtime;
  return [
    { name: 'addon', status: 'ok', detail: addonPath },
    { name: 'mlx', status: 'ok', detail: `MLX ${mlxVersion}, computes on the ${gpu ? 'GPU' : 'CPU'}` },
    checkGrammars(grammars),
  ];
}

export function checkGrammars(present: boolean): Check {
  const name = 'grammars';
  if (present) return { name, status: 'ok', detail: 'structured output and forced tool calls' };
  return {
    name,
    status: 'warning',
    detail: 'this build has no structured output: requests for it are refused',
    fix: 'Install Rust (cargo 1.87 or newer), then build mlxd again',
  };
}

/** The model by name or path: there, complete, of a kind that we know, and small enough for the memory. */
export async function checkModel(
  store: ModelStore,
  nameOrPath: string,
  options: Omit<EngineOptions, 'modelPath'> = {},
): Promise<Check> {
  const name = 'model';
  try {
    const { folder, modelType, quantization = 'dense', bytes } = await store.find(nameOrPath);
    const detail = `${folder} (${modelType}, ${quantization}, ${gib(bytes)})`;
    if (!probeRuntime().loads) return { name, status: 'warning', detail: `${detail}: not checked without the addon` };
    const { memory, contextLength } = inspectModel({ ...options, modelPath: folder });
    if (memory.longestContext >= contextLength) return { name, status: 'ok', detail };
    const place = `of its context of ${contextLength} tokens ${memory.longestContext} fit in ${gib(memory.limit)}`;
    const status = memory.longestContext > 0 ? 'warning' : 'failed';
    return { name, status, detail: `${detail}: ${place}`, fix: `'mlxd show ${nameOrPath}' tells what it needs` };
  } catch (error) {
    const fix = "'mlxd list' tells the models there are; 'mlxd import FILE.gguf' adds one";
    return { name, status: 'failed', detail: (error as Error).message, fix };
  }
}

const gib = (bytes: number): string => `${(bytes / GIB).toFixed(bytes < GIB ? 2 : 1)} GiB`;

/** The C library, where there is a choice of several. */
function libc(): string {
  if (platform() !== 'linux') return '';
  const report = process.report.getReport() as { header?: { glibcVersionRuntime?: string } };
  const glibc = report.header?.glibcVersionRuntime;
  return glibc ? `glibc ${glibc}` : 'musl';
}
