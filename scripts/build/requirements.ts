// What the machine must have for a build. Each thing that is missing gives one line: what, and how to get it here.

import { accessSync, constants } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { BuildError } from './errors.js';
import { capture } from './exec.js';

const MIN_CMAKE = [3, 25] as const;

type Manager = 'brew' | 'apt-get' | 'dnf' | 'pacman' | 'apk';

const PACKAGES: Record<'compiler' | 'cmake' | 'python' | 'pip' | 'make', Record<Manager, string>> = {
  compiler: { brew: '', 'apt-get': 'g++', dnf: 'gcc-c++', pacman: 'gcc', apk: 'g++' },
  cmake: { brew: 'cmake', 'apt-get': 'cmake', dnf: 'cmake', pacman: 'cmake', apk: 'cmake' },
  make: { brew: 'ninja', 'apt-get': 'ninja-build', dnf: 'ninja-build', pacman: 'ninja', apk: 'ninja' },
  python: { brew: 'python3', 'apt-get': 'python3', dnf: 'python3', pacman: 'python', apk: 'python3' },
  pip: { brew: 'python3', 'apt-get': 'python3-pip', dnf: 'python3-pip', pacman: 'python-pip', apk: 'py3-pip' },
};

/** The first of the names that is an executable on PATH. */
export function findOnPath(...names: string[]): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter).filter(Boolean);
  return names.find((name) => name.includes('/') || folders.some((folder) => isExecutable(join(folder, name))));
}

/** Rust's builder, for structured output; undefined where there is none, which is no error. */
export function findCargo(): string | undefined {
  const own = join(homedir(), '.cargo', 'bin', 'cargo');
  return findOnPath('cargo') ?? (isExecutable(own) ? own : undefined);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** How to install a thing on this system, as a command to type. */
function howToGet(thing: keyof typeof PACKAGES): string {
  if (process.platform === 'darwin' && thing === 'compiler') return 'xcode-select --install';
  const managers: Manager[] = process.platform === 'darwin' ? ['brew'] : ['apt-get', 'dnf', 'pacman', 'apk'];
  const found = managers.find((manager) => findOnPath(manager)) ?? managers[0] ?? 'apt-get';
  const name = PACKAGES[thing][found];
  switch (found) {
    case 'brew':
      return `brew install ${name}`;
    case 'pacman':
      return `sudo pacman -S ${name}`;
    case 'apk':
      return `sudo apk add ${name}`;
    default:
      return `sudo ${found} install ${name}`;
  }
}

const missing = (what: string, thing: keyof typeof PACKAGES): BuildError =>
  new BuildError(`${what}. Get it with: ${howToGet(thing)}`);

/** The Python that fetches wheels; checks that pip is with it. */
export async function requirePip(): Promise<string> {
  const python = requirePython();
  const { code } = await capture(python, ['-m', 'pip', '--version']);
  if (code !== 0) throw missing(`pip is missing: "${python} -m pip" does not run`, 'pip');
  return python;
}

export function requirePython(): string {
  const python = findOnPath('python3');
  if (!python) throw missing('Python 3 is missing: no python3 on PATH (it fetches and unpacks MLX)', 'python');
  return python;
}

/** Checks for what compiling the addon and the C++ tests takes. */
export async function requireCompiler(): Promise<void> {
  const compiler = findOnPath('g++', 'clang++');
  if (!compiler) throw missing('A C++20 compiler is missing: no g++ or clang++ on PATH', 'compiler');
  // On macOS the names exist before the tools behind them do.
  if ((await capture(compiler, ['--version'])).code !== 0) {
    throw missing(`The C++ compiler does not run: "${compiler} --version" failed`, 'compiler');
  }
  if (!findOnPath('cmake')) throw missing('CMake is missing: no cmake on PATH', 'cmake');
  const { output } = await capture('cmake', ['--version']);
  const version = /(\d+)\.(\d+)/.exec(output);
  const [major, minor] = [Number(version?.[1] ?? 0), Number(version?.[2] ?? 0)];
  if (major < MIN_CMAKE[0] || (major === MIN_CMAKE[0] && minor < MIN_CMAKE[1])) {
    throw new BuildError(
      `CMake ${MIN_CMAKE.join('.')} or newer is needed, this one is ${major}.${minor}. Get it with: python3 -m pip install cmake`,
    );
  }
  if (!findOnPath('ninja', 'make')) throw missing('Neither ninja nor make is on PATH', 'make');
}

export interface Arm64Tools {
  compiler: string;
  emulator: string;
}

/** What it takes to compile for 64-bit Arm Linux and to run that elsewhere. */
export function requireArm64Tools(): Arm64Tools {
  const prefix = 'aarch64-linux-gnu-g++';
  const compiler = findOnPath(prefix, ...[14, 13, 12].map((version) => `${prefix}-${version}`));
  const emulator = findOnPath('qemu-aarch64', 'qemu-aarch64-static');
  if (compiler && emulator) return { compiler, emulator };
  const lacking = compiler ? 'qemu-aarch64' : prefix;
  throw new BuildError(
    `Tools for 64-bit Arm are missing: no ${lacking} on PATH. Debian and Ubuntu have them: sudo apt-get install g++-aarch64-linux-gnu qemu-user`,
  );
}
