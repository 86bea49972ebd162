// The package as a user gets it: packed, installed into an empty folder without install scripts, and put to work on real weights.

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makePrebuild } from '../../scripts/build/prebuild.js';
import { DEFAULT_MODEL } from '../../scripts/pins.js';
import { probeRuntime } from '../../src/engine/runtime.js';

const MODEL = resolve('models', DEFAULT_MODEL.name);
const runtime = probeRuntime();
const hasGrammars = runtime.loads && runtime.grammars;
const QUESTION = 'What is the capital of France? Answer in one sentence.';
const PREBUILD = `prebuilds/${process.platform}-${process.arch}`;
/** Linux: 34 MB of addon, MLX and BLAS. macOS: 147 MB of Metal kernels on top. */
const MOST_PACKED_BYTES = (process.platform === 'darwin' ? 60 : 15) * 1e6;

interface Packed {
  filename: string;
  size: number;
  unpackedSize: number;
  files: { path: string; size: number }[];
}

let folder: string;
let packed: Packed;

const run = (command: string, args: readonly string[], cwd = folder): string =>
  execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'mlxd-package-'));
  await makePrebuild();
  const packing = run('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', folder], resolve('.'));
  packed = (JSON.parse(packing) as [Packed])[0];
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }');
  run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', join(folder, packed.filename)]);
  console.log(`tarball: ${(packed.size / 1e6).toFixed(1)} MB, unpacked ${(packed.unpackedSize / 1e6).toFixed(1)} MB`);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the tarball', () => {
  it('holds the licences, the build and this platform alone', () => {
    const paths = packed.files.map((file) => file.path);
    for (const path of ['LICENSE', 'THIRD_PARTY_NOTICES.md', 'README.md', 'dist/cli.js', 'dist/index.d.ts']) {
      expect(paths).toContain(path);
    }
    expect(paths.filter((path) => path.startsWith(`${PREBUILD}/`) && path.endsWith('.node'))).toHaveLength(1);
    expect(paths.filter((path) => path.startsWith('prebuilds/') && !path.startsWith(PREBUILD))).toEqual([]);
  });

  it('holds nothing else: no weights, sources, maps or tests', () => {
    const known =
      /^(dist|prebuilds|licenses)\/|^(LICENSE|README\.md|THIRD_PARTY_NOTICES\.md|package\.json|models\/README\.md)$/;
    const others = packed.files.map((file) => file.path).filter((path) => !known.test(path));
    expect(others).toEqual([]);
    expect(packed.files.map((file) => file.path).filter((path) => /\.(map|safetensors|gguf)$/.test(path))).toEqual([]);
  });

  it('holds no scripted engine', () => {
    const scripted = packed.files.map((file) => file.path).filter((path) => path.includes('services/scripted'));
    expect(scripted).toEqual([]);
  });

  it(`stays below ${MOST_PACKED_BYTES / 1e6} MB`, () => expect(packed.size).toBeLessThan(MOST_PACKED_BYTES));
});

describe('the installed package', () => {
  const installed = (): string => join(folder, 'node_modules', 'mlxd');

  it('has no build folder to fall back on', () => {
    expect(existsSync(join(installed(), 'build'))).toBe(false);
    expect(readdirSync(join(installed(), PREBUILD)).some((file) => file.startsWith('libmlx'))).toBe(true);
  });

  it('generates as a library', () => {
    const program = `
      import { load } from 'mlxd';
      const model = await load(${JSON.stringify(MODEL)});
      let text = '';
      const messages = [{ role: 'user', content: ${JSON.stringify(QUESTION)} }];
      for await (const delta of model.chat(messages, { temperature: 0 })) text += delta.text ?? '';
      await model.close();
      console.log(text);`;
    writeFileSync(join(folder, 'generate.js'), program);
    expect(run(process.execPath, ['generate.js'])).toContain('Paris');
  });

  it.skipIf(!hasGrammars)('has the grammars of the build', () => {
    const program = `
      import { createRequire } from 'node:module';
      const find = createRequire(import.meta.url)('node-gyp-build').path;
      const binding = createRequire(import.meta.url)(find('node_modules/mlxd'));
      console.log(binding.runtime().grammars);`;
    writeFileSync(join(folder, 'grammars.js'), program);
    expect(run(process.execPath, ['grammars.js']).trim()).toBe('true');
  });

  it('answers on the command line', () => {
    const mlxd = join(folder, 'node_modules', '.bin', 'mlxd');
    const { version } = JSON.parse(readFileSync(join(installed(), 'package.json'), 'utf8')) as { version: string };
    expect(run(mlxd, ['--version']).trim()).toContain(version);
    expect(run(mlxd, ['run', '--model', MODEL, '--temperature', '0', QUESTION])).toContain('Paris');
  });

  it('serves', async () => {
    const args = [join(installed(), 'dist', 'cli.js'), 'serve', '--model', MODEL, '--port', '0'];
    const server = spawn(process.execPath, args, { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      const url = await listeningAt(server.stdout);
      const response = await fetch(`${url}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          model: DEFAULT_MODEL.name,
          temperature: 0,
          messages: [{ role: 'user', content: QUESTION }],
        }),
      });
      expect(await response.text()).toContain('Paris');
    } finally {
      server.kill();
      await once(server, 'close');
    }
  });
});

async function listeningAt(stdout: Readable): Promise<string> {
  for await (const line of createInterface({ input: stdout })) {
    const url = /^mlxd listening on (\S+)$/.exec(line)?.[1];
    if (url) return url;
  }
  throw new Error('the server ended before it listened');
}
