// A machine with just the programs that a test gives it: a PATH of its own, and a cache of its own.

import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const TSX = join(dirname(createRequire(import.meta.url).resolve('tsx/package.json')), 'dist', 'cli.mjs');

export interface Outcome {
  status: number | null;
  stdout: string;
  stderr: string;
}

export class FakeMachine {
  readonly folder = mkdtempSync(join(tmpdir(), 'mlxd-build-'));
  readonly path = join(this.folder, 'bin');
  readonly cache = join(this.folder, 'cache');

  constructor() {
    mkdirSync(this.path);
  }

  /** Adds a program: the body of a Node script, so that it needs no shell. */
  add(name: string, body = ''): this {
    const file = join(this.path, name);
    writeFileSync(file, `#!${process.execPath}\n${body}\n`);
    chmodSync(file, 0o755);
    return this;
  }

  /** Runs `npm run build -- ARGS` there. */
  build(...args: string[]): Outcome {
    return this.#run('build.ts', args, {});
  }

  /** The same for the addon, with an MLX that is new to it, so that it is never up to date. */
  buildAddon(): Outcome {
    return this.#run('build.ts', ['--only', 'addon'], { MLX_ROOT: this.folder });
  }

  /** Runs `npm test -- SUITE` there, for a suite that needs no more than MLX, which is there already. */
  test(suite: string): Outcome {
    const config = join(this.folder, 'share', 'cmake', 'MLX', 'MLXConfig.cmake');
    mkdirSync(dirname(config), { recursive: true });
    writeFileSync(config, '');
    return this.#run('test.ts', [suite], { MLX_ROOT: this.folder });
  }

  #run(script: string, args: readonly string[], settings: NodeJS.ProcessEnv): Outcome {
    const { MLX_ROOT: _, ...env } = process.env;
    return spawnSync(process.execPath, [TSX, join('scripts', script), ...args], {
      env: { ...env, PATH: this.path, MLXD_CACHE: this.cache, ...settings },
      encoding: 'utf8',
    });
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
