// Keeps the table of npm packages in THIRD_PARTY_NOTICES.md equal to what package-lock.json installs for a user.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './build/paths.js';

const NOTICES = join(ROOT, 'THIRD_PARTY_NOTICES.md');
const TABLE = /(?<=<!-- npm packages -->\n)[\s\S]*?(?=<!-- end of npm packages -->)/;

interface Lock {
  packages: Record<string, { version?: string; license?: string; dev?: boolean; devOptional?: boolean }>;
}

/** One row a package and version, sorted; development packages are left out, as a user never gets them. */
function expectedTable(): string {
  const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as Lock;
  const rows = Object.entries(lock.packages)
    .filter(([path, entry]) => path !== '' && !entry.dev && !entry.devOptional)
    .map(([path, entry]) => {
      const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
      return `| ${name} | ${entry.version ?? '?'} | ${entry.license ?? 'not stated'} |`;
    });
  return ['| package | version | licence |', '| --- | --- | --- |', ...[...new Set(rows)].sort(), ''].join('\n');
}

/** True when the table is right; says what to do when it is not. */
export function checkNotices(): boolean {
  const actual = TABLE.exec(readFileSync(NOTICES, 'utf8'))?.[0];
  if (actual === expectedTable()) return true;
  console.error(
    'THIRD_PARTY_NOTICES.md: its table of npm packages is not that of package-lock.json; run: npm run format',
  );
  return false;
}

export function writeNotices(): void {
  writeFileSync(NOTICES, readFileSync(NOTICES, 'utf8').replace(TABLE, expectedTable()));
}
