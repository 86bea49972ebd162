// Who takes part, what each is asked, and how its process is started.

import { compileC } from './compile.js';
import type { Peers } from './install.js';
import { hasAmx } from './machine.js';
import type { ModelFiles } from './models.js';
import type { Loaded } from './protocol.js';
import { type Extras, loadedSchema, measurementSchema, type Request, tokensPerSecond } from './protocol.js';
import { FLOOR_SECTIONS, type Section, type Task } from './tasks.js';
import { Worker } from './worker.js';

export const PEER_NAMES = [
  'mlxd',
  'llama.cpp-q4_1',
  'llama.cpp-q4_0',
  'llama.cpp-q4_1-no-amx',
  'llama.cpp-q4_0-no-amx',
  'mlx-lm',
] as const;
export type PeerName = (typeof PEER_NAMES)[number];

interface PeerSpec {
  /** `python` is a script in the peers' environment, `node` a module of ours. */
  runtime: 'python' | 'node';
  script: string;
  model: (files: ModelFiles) => string;
  /** Settings of which the faster one counts, task by task. */
  variants: readonly { label: string; extras: Extras }[];
  /** The sections that it takes part in; absent: all. */
  sections?: readonly Section[];
  /** Refuses it AMX; it takes part only where the processor has that. */
  withoutAmx?: boolean;
  /** Where it is too slow for all of it. */
  slow?: { rounds: number; models: readonly string[]; shorten: (request: Request) => Request };
}

const llamaCpp = (model: (files: ModelFiles) => string): PeerSpec => ({
  runtime: 'python',
  script: 'bench/peers/llama_cpp_worker.py',
  model,
  variants: [
    { label: 'flash attention off', extras: { flashAttention: false } },
    { label: 'flash attention on', extras: { flashAttention: true } },
  ],
});

/** What llama.cpp makes on a processor without AMX, which most are; not asked how cost grows. */
const NO_AMX = { withoutAmx: true, sections: FLOOR_SECTIONS } as const;

/** mlx-lm makes less than a token a second on a CPU: a few tokens must do. */
const SLOW_TOKENS = 4;

const SPECS: Record<PeerName, PeerSpec> = {
  mlxd: {
    runtime: 'node',
    script: 'bench/peers/mlxd-worker.ts',
    model: (files) => files.mlx,
    variants: [{ label: '', extras: {} }],
  },
  'llama.cpp-q4_1': llamaCpp((files) => files.q4_1),
  'llama.cpp-q4_0': llamaCpp((files) => files.q4_0),
  'llama.cpp-q4_1-no-amx': { ...llamaCpp((files) => files.q4_1), ...NO_AMX },
  'llama.cpp-q4_0-no-amx': { ...llamaCpp((files) => files.q4_0), ...NO_AMX },
  'mlx-lm': {
    runtime: 'python',
    script: 'bench/peers/mlx_lm_worker.py',
    model: (files) => files.mlx,
    variants: [{ label: `${SLOW_TOKENS} tokens`, extras: {} }],
    sections: ['decode', 'prefill'],
    slow: { rounds: 2, models: ['default'], shorten },
  },
};

function shorten(request: Request): Request {
  if (request.op !== 'prefill' && request.op !== 'decode') return request;
  const tokens = request.tokens.slice(0, SLOW_TOKENS);
  return request.op === 'decode' ? { ...request, tokens, steps: SLOW_TOKENS } : { ...request, tokens };
}

/** A loaded peer. */
export class Peer {
  loaded: Loaded = { version: '', details: '' };
  private readonly worker: Worker;
  private readonly spec: PeerSpec;

  private constructor(
    readonly name: PeerName,
    installed: Peers,
    env: NodeJS.ProcessEnv,
  ) {
    this.spec = SPECS[name];
    const [command, args] =
      this.spec.runtime === 'python'
        ? [installed.python, ['-B', this.spec.script]]
        : [process.execPath, ['--import', 'tsx', this.spec.script]];
    this.worker = new Worker(name, command, args, env);
  }

  /** Starts the process and loads the model; undefined when the peer has no part in this model or on this machine. */
  static async start(
    name: PeerName,
    files: ModelFiles,
    installed: Peers,
    options: { threads: number; contextLength: number },
  ): Promise<Peer | undefined> {
    const { slow, withoutAmx, model } = SPECS[name];
    if ((slow && !slow.models.includes(files.name)) || (withoutAmx && !hasAmx())) return undefined;
    const env = withoutAmx ? { LD_PRELOAD: await compileC('no_amx', '-shared', '-fPIC', '-ldl') } : {};
    const peer = new Peer(name, installed, env);
    try {
      const loaded = await peer.worker.request({ op: 'load', model: model(files), ...options }, loadedSchema);
      peer.loaded = withoutAmx ? { ...loaded, details: `${loaded.details}, AMX refused` } : loaded;
      return peer;
    } catch (error) {
      await peer.close();
      throw error;
    }
  }

  takesPartIn(task: Task): boolean {
    return this.spec.sections?.includes(task.section) ?? true;
  }

  roundsOf(rounds: number): number {
    return Math.min(rounds, this.spec.slow?.rounds ?? rounds);
  }

  get variants(): PeerSpec['variants'] {
    return this.spec.variants;
  }

  /** Tokens a second for one run of the task. */
  async measure(task: Task, round: number, extras: Extras): Promise<number> {
    const asked = task.request(round);
    const request = this.spec.slow?.shorten(asked) ?? asked;
    return tokensPerSecond(await this.worker.request(request, measurementSchema, extras));
  }

  close(): Promise<void> {
    return this.worker.close();
  }
}
