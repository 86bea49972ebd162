// The dependency rules of src/ as biome.json states them: each is broken once here, and Biome must say so.

import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const BIOME = resolve('node_modules', '.bin', 'biome');

const FORBIDDEN: readonly [file: string, source: string][] = [
  ['src/text/stop.ts', "import { x } from '../engine/types.js';"],
  ['src/text/tool-calls/json.ts', "import type { x } from '../../services/types.js';"],
  ['src/text/tokenizer.ts', "import { x } from '../config.js';"],
  ['src/gguf/cursor.ts', "import { x } from '../services/types.js';"],
  ['src/engine/engine.ts', "import { x } from '../text/types.js';"],
  ['src/engine/engine.ts', "const x = await import('../services/generation.js');"],
  ['src/engine/engine.ts', "import x from '../../build/Release/mlxd.node';"],
  ['src/engine/engine.ts', "import x from 'node-gyp-build';"],
  ['src/services/generation.ts', "import { x } from '../native/binding.js';"],
  ['src/services/generation.ts', "import { x } from '../server/app.js';"],
  ['src/services/generation.ts', "import { x } from '../schemas/chat-completions.js';"],
  ['src/services/generation.ts', "import x from 'fastify';"],
  ['src/schemas/models.ts', "import { x } from '../services/types.js';"],
  ['src/server/routes/models.ts', "import { x } from '../../native/binding.js';"],
  ['src/server/app.ts', "import { x } from '../engine/native-engine.js';"],
  ['src/server/app.ts', "import { x } from '../commands/serve.js';"],
  ['src/commands/serve.ts', "import { x } from '../native/binding.js';"],
  ['src/commands/serve.ts', "import x from '@fastify/cors';"],
  ['src/cli.ts', "import x from 'fastify';"],
  ['src/native/binding.ts', "import { x } from '../engine/types.js';"],
];

const ALLOWED: readonly [file: string, source: string][] = [
  ['src/text/tool-calls/json.ts', "import { x } from '../types.js';"],
  ['src/native/binding.ts', "import x from 'node-gyp-build';"],
  ['src/engine/engine.ts', "import { x } from '../native/binding.js';"],
  ['src/services/generation.ts', "import { x } from '../engine/types.js';"],
  ['src/services/generation.ts', "import { x } from '../text/stop.js';"],
  ['src/server/app.ts', "import x from 'fastify';"],
  ['src/server/app.ts', "import { x } from '../engine/types.js';"],
  ['src/server/app.ts', "import { x } from '../services/types.js';"],
  ['src/commands/serve.ts', "import { x } from '../server/app.js';"],
  ['src/commands/serve.ts', "import { x } from '../config.js';"],
];

let folder: string;
let findings: Map<string, string[]>;

/** The file that holds case `index`: each case in a checkout of its own, so that one run of Biome sees them all. */
const place = (file: string, index: number): string => file.replace(/([^/]+)\.ts$/, `$1-${index}.ts`);

function write(cases: typeof FORBIDDEN, offset: number): void {
  cases.forEach(([file, source], index) => {
    const path = join(folder, place(file, offset + index));
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, `${source}\nexport { x };\n`);
  });
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'mlxd-lint-'));
  copyFileSync('biome.json', join(folder, 'biome.json'));
  write(FORBIDDEN, 0);
  write(ALLOWED, 100);
  writeFileSync(join(folder, 'src', 'any.ts'), 'export const x: any = 1;\n');
  writeFileSync(join(folder, 'src', 'default.ts'), 'export default 1;\n');
  const args = ['lint', '--vcs-enabled=false', '--reporter=json', '--max-diagnostics=none'];
  const { stdout } = spawnSync(BIOME, args, { cwd: folder, encoding: 'utf8' });
  const { diagnostics } = JSON.parse(stdout) as { diagnostics: { category: string; location: { path: string } }[] };
  findings = new Map();
  for (const { category, location } of diagnostics) {
    findings.set(location.path, [...(findings.get(location.path) ?? []), category]);
  }
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('dependency rules', () => {
  it.each(FORBIDDEN.map(([file, source], index) => [file, source, index] as const))(
    '%s refuses %s',
    (file, _, index) => {
      expect(findings.get(place(file, index))).toContain('lint/style/noRestrictedImports');
    },
  );

  it.each(ALLOWED.map(([file, source], index) => [file, source, index] as const))('%s allows %s', (file, _, index) => {
    expect(findings.get(place(file, 100 + index)) ?? []).toEqual([]);
  });
});

describe('house rules', () => {
  it('refuses any', () => expect(findings.get('src/any.ts')).toContain('lint/suspicious/noExplicitAny'));
  it('refuses default exports', () => expect(findings.get('src/default.ts')).toContain('lint/style/noDefaultExport'));
});
