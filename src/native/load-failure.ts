// Why the addon did not load, and what to do about it, per cause. Pure but for the facts of the running process.

export class NativeLoadError extends Error {
  constructor(
    /** What is wrong, in a few words. */
    readonly reason: string,
    /** What the user can do. */
    readonly fix: string,
    cause: unknown,
  ) {
    super(`mlxd's native addon did not load: ${reason}\n${fix}\n(${messageOf(cause)})`, { cause });
    this.name = 'NativeLoadError';
  }
}

export interface Host {
  platform: string;
  arch: string;
  /** Undefined on a Linux without glibc (musl) and on other systems. */
  glibc: string | undefined;
  node: string;
}

interface Cause {
  matches: RegExp;
  reason: (found: RegExpExecArray, host: Host) => string;
  fix: string;
}

const SUPPORTED = ['darwin-arm64', 'linux-arm64', 'linux-x64'];
const REINSTALL = 'Install the package again: npm install --force mlxd. In a checkout: npm run build.';
const BUILD = 'Build it from a checkout with npm run build.';

// The first that matches counts: the special cases stand before the general ones.
const CAUSES: Cause[] = [
  {
    matches: /GLIBC(XX)?_([\d.]+).* not found/,
    reason: ([, xx, version], host) =>
      xx
        ? `it needs a newer libstdc++ (GLIBCXX_${version})`
        : `it needs glibc ${version}, this system has ${host.glibc}`,
    fix: `Use a newer system (Debian 12, Ubuntu 22.04, Fedora 36 or later). Or: ${BUILD}`,
  },
  {
    matches:
      /lib(mlx|blas|lapack|gfortran|quadmath)\S*(: cannot open shared object| \(no such file\))|Library not loaded: \S*libmlx/,
    reason: ([found]) => `${/lib\w+/.exec(found)?.[0]}, which belongs beside the addon, is missing`,
    fix: REINSTALL,
  },
  {
    matches: /ld-linux\S*: (cannot open|No such file)|Error relocating|symbol not found/,
    reason: (_, host) => `it was built for glibc, this system has ${host.glibc ? `glibc ${host.glibc}` : 'musl'}`,
    fix: `Use a system with glibc, such as a Debian based image. Or: ${BUILD}`,
  },
  {
    matches: /incompatible architecture|wrong ELF class|invalid ELF header|not a mach-o|Exec format/i,
    reason: (_, host) => `it was built for another machine than this ${host.platform}-${host.arch}`,
    fix: `node_modules may be a copy from elsewhere, or Node runs emulated. ${REINSTALL}`,
  },
  {
    matches: /undefined symbol: (napi|node_api)_|Symbol not found: _(napi|node_api)_|NODE_MODULE_VERSION/,
    reason: (_, host) => `Node ${host.node} is too old for it`,
    fix: 'Use Node 20.19 or later.',
  },
];

/** The error for what `dlopen` (or the search for a file to open, then without `path`) threw. */
export function explainLoadFailure(error: unknown, path: string | undefined, host: Host = thisHost()): NativeLoadError {
  if (path === undefined) return noBinary(error, host);
  const message = messageOf(error);
  for (const { matches, reason, fix } of CAUSES) {
    const found = matches.exec(message);
    if (found) return new NativeLoadError(reason(found, host), fix, error);
  }
  return new NativeLoadError(`${path} cannot be opened`, REINSTALL, error);
}

function noBinary(error: unknown, host: Host): NativeLoadError {
  const target = `${host.platform}-${host.arch}`;
  if (SUPPORTED.includes(target)) {
    return new NativeLoadError(`this installation has no binary for ${target}`, REINSTALL, error);
  }
  return new NativeLoadError(`there is no binary for ${target}`, `mlxd runs on ${SUPPORTED.join(', ')}.`, error);
}

function thisHost(): Host {
  const report = process.report?.getReport() as { header?: { glibcVersionRuntime?: string } } | undefined;
  const { platform, arch, versions } = process;
  return { platform, arch, glibc: report?.header?.glibcVersionRuntime, node: versions.node };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
