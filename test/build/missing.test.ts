// What a machine lacks is told in one line: what is missing and how to get it.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeMachine, type Outcome } from './fake-machine.js';

const HOW = /Get it with: (sudo apt-get install|brew install|xcode-select --install|python3 -m pip install)/;
const PIP_WITHOUT_NETWORK = `
  if (process.argv.includes('download')) {
    console.error("WARNING: Retrying after connection broken by 'NewConnectionError(...)'");
    console.error('ERROR: No matching distribution found');
    process.exit(1);
  }`;

let machine: FakeMachine;

beforeEach(() => {
  // The package manager that the advice is for.
  machine = new FakeMachine().add(process.platform === 'darwin' ? 'brew' : 'apt-get');
});

afterEach(() => machine.remove());

function expectOneLine(result: Outcome, ...patterns: RegExp[]): void {
  expect(result.status).toBe(1);
  expect(result.stderr.trim().split('\n')).toHaveLength(1);
  for (const pattern of patterns) expect(result.stderr).toMatch(pattern);
}

describe('fetching', () => {
  it('tells of a missing Python', () => {
    expectOneLine(machine.build('--only', 'mlx'), /^build: Python 3 is missing/, HOW);
  });

  it('tells of a Python without pip', () => {
    machine.add('python3', 'process.exit(1)');
    expectOneLine(machine.build('--only', 'mlx'), /^build: pip is missing/, HOW);
  });

  it('tells of a missing network, and of the way around it', () => {
    machine.add('python3', PIP_WITHOUT_NETWORK);
    expectOneLine(
      machine.build('--only', 'mlx'),
      /^build: No network: .* mlx-\w+==/,
      /or put mlx_\w+-.*\.whl \(sha256 /,
    );
  });
});

describe('compiling', () => {
  const cmake = (version: string): FakeMachine => machine.add('cmake', `console.log('cmake version ${version}')`);

  it('tells of a missing compiler', () => {
    cmake('3.31.0').add('ninja');
    expectOneLine(machine.buildAddon(), /^build: A C\+\+20 compiler is missing/, HOW);
  });

  it('tells of a missing CMake', () => {
    machine.add('g++').add('ninja');
    expectOneLine(machine.buildAddon(), /^build: CMake is missing/, HOW);
  });

  it('tells of a CMake that is too old', () => {
    cmake('3.24.4').add('g++').add('ninja');
    expectOneLine(machine.buildAddon(), /^build: CMake 3\.25 or newer is needed, this one is 3\.24/, HOW);
  });

  it('tells of missing ninja and make', () => {
    cmake('3.25.0').add('g++');
    expectOneLine(machine.buildAddon(), /^build: Neither ninja nor make/, HOW);
  });
});

describe('testing for 64-bit Arm', () => {
  const HOW_ON_DEBIAN = /sudo apt-get install g\+\+-aarch64-linux-gnu qemu-user/;

  it('tells of a missing cross compiler', () => {
    machine.add('qemu-aarch64');
    expectOneLine(machine.test('arm64'), /^arm64: .* no aarch64-linux-gnu-g\+\+ on PATH/, HOW_ON_DEBIAN);
  });

  it('tells of a missing emulator', () => {
    machine.add('aarch64-linux-gnu-g++-12');
    expectOneLine(machine.test('arm64'), /^arm64: .* no qemu-aarch64 on PATH/, HOW_ON_DEBIAN);
  });
});
