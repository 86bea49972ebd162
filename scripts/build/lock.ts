// One build at a time in a tree: `npm start` in one terminal and `npm test` in another must not compile over each other.

import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { BUILD } from './paths.js';

const RETRY_MS = 200;

/** Waits for another build of the tree to end, then runs `work`. A lock whose process is gone is taken over. */
export async function withLock(tree: string, work: () => Promise<void>): Promise<void> {
  const file = join(BUILD, `${tree}.lock`);
  mkdirSync(BUILD, { recursive: true });
  let told = false;
  while (!tryLock(file)) {
    const holder = lockHolder(file);
    if (holder === undefined) continue;
    if (!told) console.log(`waiting for another build (process ${holder})`);
    told = true;
    await sleep(RETRY_MS);
  }
  const release = (): void => rmSync(file, { force: true });
  process.once('exit', release);
  try {
    await work();
  } finally {
    process.off('exit', release);
    release();
  }
}

function tryLock(file: string): boolean {
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** The living process that holds the lock; a dead one's lock is removed. */
function lockHolder(file: string): number | undefined {
  const text = existsSync(file) ? readFileSync(file, 'utf8') : undefined;
  // An empty file is a lock being written.
  if (text !== undefined && (text === '' || isAlive(Number(text)))) return Number(text);
  rmSync(file, { force: true });
  return undefined;
}

/** Whether a process of that id runs, be it ours or another user's. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
