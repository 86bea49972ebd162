// Step `typescript`: src/ compiled into dist/.

import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { BuildError } from './errors.js';
import { capture } from './exec.js';
import { bin, CLI, ROOT } from './paths.js';
import type { Progress } from './progress.js';
import { clearStamp, hashInputs, isFresh, writeStamp } from './stamps.js';

const hashTypeScript = (): string =>
  hashInputs({
    files: ['src', 'tsconfig.json', 'tsconfig.build.json', 'package.json', 'node_modules/typescript/package.json'],
  });

export function typeScriptIsFresh(): boolean {
  return isFresh('typescript', hashTypeScript(), [CLI]);
}

export async function buildTypeScript(progress: Progress): Promise<string> {
  const hash = hashTypeScript();
  clearStamp('typescript');
  progress.update('compiling');
  const { code, output } = await capture(bin('tsc'), ['-p', 'tsconfig.build.json']);
  if (code !== 0) throw new BuildError(`src/ did not compile:\n${output}`);
  removeOrphans();
  writeStamp('typescript', hash);
  return 'compiled';
}

/** Takes out of dist/ what came of a source file that is gone: the package would ship it and imports would find it. */
function removeOrphans(): void {
  const dist = join(ROOT, 'dist');
  for (const file of readdirSync(dist, { recursive: true, encoding: 'utf8' })) {
    const source = /^(.*?)(\.d\.ts|\.js|\.js\.map)$/.exec(file);
    if (source && !existsSync(join(ROOT, 'src', `${source[1]}.ts`))) rmSync(join(dist, file));
  }
}
