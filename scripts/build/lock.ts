// One build at a time in a checkout: `npm start` in one terminal and `npm test` in another must not compile over each other.

import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { BUILD } from './paths.js';

const LOCK = join(BUILD, 'build.lock');
const RETRY_MS = 200;

/** Waits for another build to end, then runs `work`. A lock whose process is gone is taken over. */
export async function withBuildLock(work: () => Promise<void>): Promise<void> {
  mkdirSync(dirname(LOCK), { recursive: true });
  let told = false;
  while (!tryLock()) {
    const holder = lockHolder();
    if (holder === undefined) continue;
    if (!told) console.log(`waiting for another build (process ${holder})`);
    told = true;
    await sleep(RETRY_MS);
  }
  const release = (): void => rmSync(LOCK, { force: true });
  process.once('exit', release);
  try {
    await work();
  } finally {
    process.off('exit', release);
    release();
  }
}

function tryLock(): boolean {
  try {
    writeFileSync(LOCK, String(process.pid), { flag: 'wx' });
    return true;
  } catch {
    return false;
  }
}

/** The living process that holds the lock; a dead one's lock is removed. */
function lockHolder(): number | undefined {
  try {
    const pid = Number(readFileSync(LOCK, 'utf8'));
    // An empty file is a lock being written.
    if (pid > 0) process.kill(pid, 0);
    return pid;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EPERM') return -1;
    rmSync(LOCK, { force: true });
    return undefined;
  }
}
