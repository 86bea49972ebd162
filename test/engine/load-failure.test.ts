// What the user reads when the addon does not load: one case a cause, with messages as the loaders print them.
import { describe, expect, it } from 'vitest';
import { explainLoadFailure, type Host, NativeLoadError } from '../../src/native/load-failure.js';

const HOST: Host = { platform: 'linux', arch: 'x64', glibc: '2.31', node: '18.20.0' };
const PATH = '/app/build/Release/mlxd.node';

describe('explainLoadFailure', () => {
  it.each([
    [
      "/lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.34' not found (required by /app/build/Release/libmlx.so)",
      'it needs glibc 2.34, this system has 2.31',
      'Use a newer system',
    ],
    [
      "/usr/lib/libstdc++.so.6: version `GLIBCXX_3.4.30' not found (required by /app/mlxd.node)",
      'it needs a newer libstdc++ (GLIBCXX_3.4.30)',
      'Use a newer system',
    ],
    [
      'libmlx.so: cannot open shared object file: No such file or directory',
      'libmlx, which belongs beside the addon, is missing',
      'Install the package again',
    ],
    [
      'dlopen(/app/mlxd.node, 0x0001): Library not loaded: @rpath/libmlx.dylib',
      'libmlx, which belongs beside the addon, is missing',
      'Install the package again',
    ],
    [
      'Error loading shared library ld-linux-x86-64.so.2: No such file or directory (needed by /app/mlxd.node)',
      'it was built for glibc',
      'Use a system with glibc',
    ],
    [
      "dlopen(/app/mlxd.node): incompatible architecture (have 'x86_64', need 'arm64')",
      'it was built for another machine than this linux-x64',
      'may be a copy from elsewhere',
    ],
    ['/app/mlxd.node: invalid ELF header', 'it was built for another machine', 'may be a copy'],
    ['/app/mlxd.node: undefined symbol: node_api_symbol_for', 'Node 18.20.0 is too old', 'Use Node 20.19'],
    ['/app/mlxd.node: something else', `${PATH} cannot be opened`, 'Install the package again'],
  ])('%s', (message, reason, fix) => {
    const cause = new Error(message);
    const explained = explainLoadFailure(cause, PATH, HOST);
    expect(explained).toBeInstanceOf(NativeLoadError);
    expect(explained.reason).toContain(reason);
    expect(explained.fix).toContain(fix);
    expect(explained.message).toContain(message);
    expect(explained.cause).toBe(cause);
  });

  it('says whether a missing binary could exist', () => {
    const missing = new Error('No native build was found');
    expect(explainLoadFailure(missing, undefined, HOST).reason).toBe('this installation has no binary for linux-x64');
    const other = explainLoadFailure(missing, undefined, { ...HOST, arch: 'riscv64' });
    expect(other.reason).toBe('there is no binary for linux-riscv64');
    expect(other.fix).toContain('linux-x64');
  });

  it('knows the running process', () => {
    expect(explainLoadFailure(new Error('No native build was found'), undefined).reason).toContain(process.arch);
  });
});
