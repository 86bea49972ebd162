// Settings from flags, environment and file: which wins, and what is told of a bad one.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConfigError, loadSettings, type SettingSources } from '../../src/config.js';

let folder: string;
let sources: Required<SettingSources>;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mlxd-config-'));
  mkdirSync(join(folder, 'home', '.mlxd'), { recursive: true });
  sources = { flags: {}, env: {}, cwd: folder, home: join(folder, 'home') };
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const load = (more: Partial<SettingSources> = {}) => loadSettings({ ...sources, ...more });
const file = (content: string, name = 'mlxd.toml') => writeFileSync(join(folder, name), content);

describe('sizes', () => {
  it.each([
    ['12GB', 12 * 2 ** 30],
    ['12gib', 12 * 2 ** 30],
    ['1.5G', 1.5 * 2 ** 30],
    ['512m', 512 * 2 ** 20],
    ['64KB', 65_536],
    ['1000', 1000],
    [1000, 1000],
    ['0', 0],
    ['auto', 'auto'],
  ])('%s is %s bytes', (given, bytes) => {
    expect(load({ flags: { memoryLimit: given } }).memoryLimit).toBe(bytes);
  });

  it.each(['', 'GB', '-1GB', '12 GB', '12XB', '1e9', 'much', '0x10'])('%s is none', (given) => {
    expect(() => load({ flags: { prefixCache: given } })).toThrow(
      `--prefix-cache must be a size such as 12GB, or auto, not ${JSON.stringify(given)}`,
    );
  });
});

describe('sources', () => {
  it('have defaults', () => {
    expect(load()).toMatchObject({
      host: '127.0.0.1',
      port: 8080,
      device: 'auto',
      kernels: 'auto',
      threads: 0,
      precision: 'balanced',
      allowedHosts: [],
    });
  });

  it('go from flag to environment to file', () => {
    file('port = 1\nlog-level = "debug"\nallowed-hosts = ["a.test", "b.test"]');
    expect(load()).toMatchObject({ port: 1, logLevel: 'debug', allowedHosts: ['a.test', 'b.test'] });
    const env = { MLXD_PORT: '2', MLXD_LOG_LEVEL: 'error', MLXD_ALLOWED_HOSTS: 'c.test, d.test' };
    expect(load({ env })).toMatchObject({ port: 2, logLevel: 'error', allowedHosts: ['c.test', 'd.test'] });
    expect(load({ env, flags: { port: '3' } })).toMatchObject({ port: 3, logLevel: 'error' });
  });

  it('take an empty variable for none', () => {
    expect(load({ env: { MLXD_PORT: '' } }).port).toBe(8080);
  });

  it('have the file here, at home, or where it is said to be', () => {
    writeFileSync(join(folder, 'home', '.mlxd', 'mlxd.toml'), 'port = 1');
    expect(load().port).toBe(1);
    file('port = 2');
    expect(load().port).toBe(2);
    file('port = 3', 'third.toml');
    file('port = 4', 'fourth.toml');
    expect(load({ env: { MLXD_CONFIG: 'third.toml' } }).port).toBe(3);
    expect(load({ env: { MLXD_CONFIG: 'third.toml' }, flags: { config: 'fourth.toml' } }).port).toBe(4);
  });
});

describe('a bad setting', () => {
  const refused = (attempt: () => unknown, message: string | RegExp) => {
    expect(attempt).toThrow(ConfigError);
    expect(attempt).toThrow(message);
  };

  it.each([
    ['99999', /^--port must be a whole number from 0 to 65535, not "99999"$/],
    ['-1', /^--port must be/],
    ['8080.5', /^--port must be/],
    ['', /^--port must be/],
    ['0x10', /^--port must be/],
  ])('is told by its flag: --port %j', (port, message) => {
    refused(() => load({ flags: { port } }), message);
  });

  it('is told by its variable', () => {
    refused(() => load({ env: { MLXD_DEVICE: 'tpu' } }), 'MLXD_DEVICE must be one of auto, cpu, gpu, not "tpu"');
  });

  it('is told by its key and file', () => {
    file('threads = "many"');
    refused(() => load(), /^threads in .*mlxd.toml must be a whole number from 0 to 1024, not "many"$/);
    file('host = 5');
    refused(() => load(), /^host in .* must be text, not 5$/);
  });

  it('is told when the file does not know the key', () => {
    file('prot = 1');
    refused(() => load(), /mlxd.toml has the unknown key "prot": did you mean port\?/);
    file('[server]\nport = 1');
    refused(() => load(), /unknown key "server"/);
  });

  it('is told when the file cannot be read', () => {
    file('port = 1\nport = ');
    refused(() => load(), /mlxd.toml, line 2, cannot be read: /);
    refused(() => load({ flags: { config: 'none.toml' } }), /There is no file .*none.toml/);
  });
});
