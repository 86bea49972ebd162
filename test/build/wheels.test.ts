// A wheel reaches the cache whole and right, or not at all.

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { mlxPin } from '../../scripts/pins.js';
import { FakeMachine } from './fake-machine.js';

const PIN = mlxPin();
/** Above every system's highest process id. */
const PID_OF_NOBODY = 2 ** 30;

/** A pip that writes `bytes` under the name of the wheel, where it was told to, and ends with `status`. */
const pipWriting = (bytes: string, status = 0): string => `
  const args = process.argv;
  if (args.includes('download')) {
    require('node:fs').writeFileSync(require('node:path').join(args[args.indexOf('-d') + 1], '${PIN?.file}'), '${bytes}');
    process.exit(${status});
  }`;

let machine: FakeMachine;

beforeEach(() => {
  machine = new FakeMachine();
});

afterEach(() => machine.remove());

function cachedFiles(): string[] {
  if (!existsSync(machine.cache)) return [];
  const entries = readdirSync(machine.cache, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => entry.name);
}

describe.skipIf(!PIN)('fetching a wheel', () => {
  it('refuses a file that is not the pinned one, with both hashes', () => {
    machine.add('python3', pipWriting('something else'));
    const { status, stderr } = machine.build('--only', 'mlx');
    const actual = createHash('sha256').update('something else').digest('hex');
    expect(status).toBe(1);
    expect(stderr).toContain(`expected sha256 ${PIN?.sha256}, got ${actual}`);
    expect(cachedFiles()).toEqual([]);
  });

  it('leaves nothing of a download that was cut short', () => {
    machine.add('python3', pipWriting('the first half', 1));
    expect(machine.build('--only', 'mlx').status).toBe(1);
    expect(cachedFiles()).toEqual([]);
  });

  it('clears away what a killed build has left', () => {
    const left = join(machine.cache, 'tmp', `mlx-cpu-${PID_OF_NOBODY}`);
    mkdirSync(left, { recursive: true });
    writeFileSync(join(left, 'half.whl'), 'half');
    machine.add('python3', pipWriting('something else'));
    machine.build('--only', 'mlx');
    expect(cachedFiles()).toEqual([]);
  });

  it('does not trust what lies in the cache', () => {
    machine.add('python3', pipWriting('something else'));
    mkdirSync(join(machine.cache, 'wheels'), { recursive: true });
    writeFileSync(join(machine.cache, 'wheels', PIN?.file ?? ''), 'cut');
    const { status, stdout, stderr } = machine.build('--only', 'mlx');
    expect(status).toBe(1);
    expect(stdout).toContain('discarding a corrupt');
    expect(stderr).toContain('is not the pinned file');
    expect(cachedFiles()).toEqual([]);
  });
});

describe('mlxPin', () => {
  it('takes the newest wheel that the macOS can run', () => {
    expect(mlxPin('darwin', 'arm64', '23.6.0')?.platform).toBe('macosx_14_0_arm64');
    expect(mlxPin('darwin', 'arm64', '24.1.0')?.platform).toBe('macosx_15_0_arm64');
    expect(mlxPin('darwin', 'arm64', '26.0.0')?.platform).toBe('macosx_26_0_arm64');
  });

  it('has none where Apple makes none', () => {
    expect(mlxPin('darwin', 'arm64', '22.0.0')).toBeUndefined();
    expect(mlxPin('darwin', 'x64')).toBeUndefined();
    expect(mlxPin('win32', 'x64')).toBeUndefined();
  });

  it('speaks of one MLX everywhere: the version that the addon is compiled against', () => {
    const readme = readFileSync('THIRD_PARTY_NOTICES.md', 'utf8');
    for (const [platform, arch] of [
      ['linux', 'x64'],
      ['linux', 'arm64'],
      ['darwin', 'arm64'],
    ] as const) {
      expect(readme).toContain(`| MLX | ${mlxPin(platform, arch, '25.0.0')?.version} |`);
    }
  });
});
