// Every setting, in one schema: a flag, an environment variable or a key of mlxd.toml sets it, in this order of precedence.
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { parse, TomlError } from 'smol-toml';
import { z } from 'zod';
import { DEFAULT_MODEL, defaultModelsFolder } from './services/model-store.js';
import { nearestName } from './services/nearest-name.js';
import { TOOL_CALL_FORMATS, type ToolCallFormatName } from './text/tool-calls/formats.js';

/** A whole number, or its decimal digits where only text can be given. */
const integer = (min: number, max: number) => {
  const error = `must be a whole number from ${min} to ${max}`;
  const fromText = (value: unknown) => (typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value);
  return z.preprocess(fromText, z.int({ error }).min(min, { error }).max(max, { error }));
};

/** One of these whole numbers. */
const oneOf = <T extends number>(...values: T[]) => {
  const error = `must be one of ${values.join(', ')}`;
  const fromText = (value: unknown) => (typeof value === 'string' && value !== '' ? Number(value) : value);
  return z.preprocess(fromText, z.literal(values, { error }));
};

const UNITS = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };

/** Bytes, also written as 12GB, 12GiB or 1.5g: powers of 1024, as memory is sold. `auto` stays. */
const size = () => {
  const error = 'must be a size such as 12GB, or auto';
  const fromText = (value: unknown) => {
    const [, digits, unit] = /^(\d{1,12}(?:\.\d{1,3})?)([KMGT]?)(?:I?B)?$/i.exec(String(value)) ?? [];
    if (digits === undefined || unit === undefined) return value;
    return Math.floor(Number(digits) * UNITS[unit.toUpperCase() as keyof typeof UNITS]);
  };
  return z.preprocess(fromText, z.union([z.literal('auto'), z.int().min(0)], { error }));
};

/** A list, or one text with commas. */
const names = z.preprocess(
  (value) => (typeof value === 'string' ? value.split(',').map((name) => name.trim()) : value),
  z.array(z.string().min(1, { error: 'must be names with commas between' })),
);

const text = z.string({ error: 'must be text' }).min(1, { error: 'must not be empty' });

const choice = <T extends string>(...values: T[]) => z.enum(values, { error: `must be one of ${values.join(', ')}` });

/** `argument` is what help calls the value. Keys are camelCase; flags and the file write them with dashes. */
const meta = (argument: string, description: string) => ({ argument, description });

export const settingsSchema = z.object({
  model: text.default(DEFAULT_MODEL).meta(meta('name|path', 'name of a model, or path of its folder')),
  adapter: z
    .string({ error: 'must be text' })
    .default('')
    .meta(meta('folder', "folder of a LoRA adapter for the model, in mlx-lm's format")),
  models: text.default(defaultModelsFolder).meta(meta('folder', 'where imported models are')),
  host: text.default('127.0.0.1').meta(meta('address', 'loopback address to listen on')),
  port: integer(0, 65_535).default(8080).meta(meta('number', 'port to listen on; 0 takes any free one')),
  device: choice('auto', 'cpu', 'gpu').default('auto').meta(meta('device', 'auto, cpu or gpu')),
  kernels: choice('auto', 'mlx')
    .default('auto')
    .meta(meta('kernels', 'on a CPU: auto (our own) or mlx (slow, to compare with)')),
  threads: integer(0, 1024).default(0).meta(meta('number', 'CPU threads; 0 is one a physical core')),
  precision: choice('exact', 'balanced', 'fast')
    .default('balanced')
    .meta(meta('precision', 'activations on a CPU: exact (float32), balanced (16 bits) or fast (8 bits)')),
  kvBits: oneOf(16, 8, 4)
    .default(16)
    .meta(meta('number', 'bits of a number of keys and values on a CPU: 16, 8 or 4; fewer hold more context')),
  memoryLimit: size()
    .default('auto')
    .meta(meta('size', 'memory for weights, prompts and replies; auto is what the machine can spare')),
  prefixCache: size()
    .default('auto')
    .meta(
      meta('size', 'part of it for prompts that may come again; 0 keeps none, auto is a quarter of what weights leave'),
    ),
  maxSequences: integer(1, 1024).default(32).meta(meta('number', 'requests that are computed together')),
  maxQueue: integer(0, 100_000)
    .default(128)
    .meta(meta('number', 'requests that may wait beside those; more are refused with status 429')),
  requestTimeout: integer(0, 86_400)
    .default(0)
    .meta(meta('seconds', 'what a request may take, its time in the queue included; 0 is any time')),
  toolFormat: choice('auto', ...(Object.keys(TOOL_CALL_FORMATS) as ToolCallFormatName[]))
    .default('auto')
    .meta(meta('format', 'how the model writes tool calls; auto reads it from the chat template')),
  logLevel: choice('silent', 'error', 'warn', 'info', 'debug')
    .default('warn')
    .meta(meta('level', 'silent, error, warn, info or debug; the log is JSON lines on stderr')),
  allowedHosts: names.default([]).meta(meta('names', 'host names beside localhost that requests may use')),
  allowedOrigins: names.default([]).meta(meta('origins', 'origins of web pages that may call the server')),
});

export type Settings = z.infer<typeof settingsSchema>;
export type SettingName = keyof Settings;

/** A setting that is wrong, or a file of settings. The message names the place it came from. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

export interface SettingSources {
  /** By setting name; undefined where the flag was not given. */
  flags: Readonly<Record<string, unknown>>;
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  home?: string;
}

const FILE = 'mlxd.toml';
const SETTING_NAMES = Object.keys(settingsSchema.shape) as SettingName[];

export const flagName = (name: SettingName): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
export const envName = (name: SettingName): string => `MLXD_${flagName(name).replaceAll('-', '_').toUpperCase()}`;

/** Reads all sources. Throws ConfigError. */
export function loadSettings(sources: SettingSources): Settings {
  const { flags, env = process.env } = sources;
  const file = readSettingsFile(sources);
  const entries = SETTING_NAMES.map((name) => {
    const given = [
      { from: `--${flagName(name)}`, value: flags[name] },
      { from: envName(name), value: env[envName(name)] || undefined },
      { from: `${flagName(name)} in ${file.path}`, value: file.values[flagName(name)] },
    ].find(({ value }) => value !== undefined);
    const result = settingsSchema.shape[name].safeParse(given?.value);
    if (result.success) return [name, result.data];
    const problem = result.error.issues[0]?.message;
    throw new ConfigError(`${given?.from} ${problem}, not ${JSON.stringify(given?.value)}`);
  });
  return Object.fromEntries(entries) as Settings;
}

interface SettingsFile {
  path: string;
  values: Record<string, unknown>;
}

/** The file that --config or MLXD_CONFIG names, or else mlxd.toml of this folder or of ~/.mlxd. */
function readSettingsFile({
  flags,
  env = process.env,
  cwd = process.cwd(),
  home = homedir(),
}: SettingSources): SettingsFile {
  const named = flags.config ?? env.MLXD_CONFIG;
  if (typeof named === 'string' && named !== '') return parseSettingsFile(resolve(cwd, named));
  const found = [join(cwd, FILE), join(home, '.mlxd', FILE)].find((path) => existsSync(path));
  return found ? parseSettingsFile(found) : { path: FILE, values: {} };
}

function parseSettingsFile(path: string): SettingsFile {
  let values: Record<string, unknown>;
  try {
    values = parse(readFileSync(path, 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw new ConfigError(`There is no file ${path}`);
    const place = error instanceof TomlError ? `${path}, line ${error.line},` : path;
    const [problem] = (error as Error).message.split('\n', 1);
    throw new ConfigError(`${place} cannot be read: ${problem}`, { cause: error });
  }
  const known = SETTING_NAMES.map(flagName);
  for (const key of Object.keys(values)) {
    if (known.includes(key)) continue;
    const near = nearestName(key, known);
    const hint = near ? `did you mean ${near}?` : `known are ${known.join(', ')}`;
    throw new ConfigError(`${path} has the unknown key ${JSON.stringify(key)}: ${hint}`);
  }
  return { path, values };
}
