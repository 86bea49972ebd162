// The program as a user meets it, on the default model.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DEFAULT_MODEL } from '../../src/services/model-store.js';
import { TINY_LLAMA } from '../gguf/support/tiny-llama.js';
import { runCli, startCli } from './cli-process.js';

const QUESTION = 'What is the capital of France? Answer in one sentence.';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mlxd-cli-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('run', () => {
  it('answers on stdout and tells its figures on stderr', async () => {
    const { code, stdout, stderr } = await runCli(['run', '--temperature', '0', QUESTION]);
    expect(stdout).toBe('The capital of France is Paris.\n');
    expect(stderr).toMatch(/^7 tokens, [\d.]+ tokens\/s, first after [\d.]+ m?s\n$/);
    expect(code).toBe(0);
  });

  it('adds text from stdin to the prompt, and prints JSON', async () => {
    const stdin = join(folder, 'question.txt');
    writeFileSync(stdin, 'What is the capital of France?\n');
    const args = ['run', '--json', '--temperature', '0', '--max-tokens', '5', 'Answer in one sentence.'];
    const { code, stdout } = await runCli(args, { stdin });
    const reply = JSON.parse(stdout) as Record<string, unknown>;
    expect(reply).toMatchObject({ model: DEFAULT_MODEL, finishReason: 'length', usage: { completionTokens: 5 } });
    expect(reply.text).toMatch(/capital of France/);
    expect(code).toBe(0);
  });

  it('gives the same reply for the same seed', async () => {
    const args = ['run', '--seed', '7', '--temperature', '1.5', '--max-tokens', '12', 'Tell me of the sea.'];
    const [first, second] = [await runCli(args), await runCli(args)];
    expect(first.stdout).toBe(second.stdout);
  });

  it('ends the reply at Ctrl-C, with its exit code', async () => {
    const { child, sees, finished } = startCli(['run', '--temperature', '0', 'Write a long story about a fox.']);
    await sees('Once upon');
    child.kill('SIGINT');
    const { code, stderr } = await finished;
    expect(code).toBe(130);
    expect(stderr).toContain('cancelled');
  });

  it.each([
    [['run'], /there is no prompt/],
    [['run', '--model', 'SmolLM3', 'Hi'], /no model SmolLM3. Did you mean SmolLM2-135M-Instruct-4bit\?/],
    [['run', '--model', './nowhere', 'Hi'], /There is no folder .*nowhere/],
    [['run', '--temperature', 'hot', 'Hi'], /'hot' is invalid. It must be a number from 0 to 2/],
    [['run', 'word '.repeat(9000)], /context/],
  ])('refuses %#', async (args, message) => {
    const { code, stdout, stderr } = await runCli(args);
    expect(stderr).toMatch(/^mlxd: [^\n]*\n$/);
    expect(stderr).toMatch(message);
    expect(stdout.trim()).toBe('');
    expect(code).toBe(1);
  });
});

describe('models', () => {
  const env = () => ({ MLXD_MODELS: folder });

  it('are imported, listed and used', async () => {
    const imported = await runCli(['import', TINY_LLAMA, '--name', 'tiny', '--json'], { env: env() });
    expect(JSON.parse(imported.stdout)).toMatchObject({ name: 'tiny', folder: join(folder, 'tiny'), tensors: 24 });
    const listed = await runCli(['list', '--json'], { env: env() });
    const names = (JSON.parse(listed.stdout) as { name: string }[]).map((model) => model.name);
    expect(names).toEqual([DEFAULT_MODEL, 'tiny']);
    const args = ['run', '--model', 'tiny', '--temperature', '0', '--max-tokens', '4', '--json', 'the'];
    const reply = JSON.parse((await runCli(args, { env: env() })).stdout) as Record<string, unknown>;
    expect(reply).toMatchObject({ model: 'tiny', usage: { promptTokens: 2 } });
  });

  it('are refused when the file is cut, with nothing left', async () => {
    const file = join(folder, 'cut.gguf');
    writeFileSync(file, readFileSync(TINY_LLAMA).subarray(0, 20_000));
    const { code, stderr } = await runCli(['import', file], { env: env() });
    expect(stderr).toMatch(/^mlxd: .*cut.gguf: the tensor .* the file is cut off or lies \(at byte \d+\)\n$/);
    expect(code).toBe(1);
    expect(readdirSync(folder)).toEqual(['cut.gguf']);
  });
});

describe('show', () => {
  it('tells of the default model what an engine would hold', async () => {
    const { code, stdout } = await runCli(['show', '--json', '--context', '1000']);
    const { modelType, outline, chat, problems } = JSON.parse(stdout) as Record<string, Record<string, unknown>>;
    expect({ modelType, chat, problems }).toEqual({
      modelType: 'llama',
      chat: { templateHasTools: false, toolFormat: 'generic', system: 'written', thinks: false },
      problems: [],
    });
    // 30 layers, 3 heads of 64, keys and values in 16 bits, 8 pages of 128 positions.
    expect(outline).toMatchObject({ layers: 30, memory: { context: 1000, contextBytes: 30 * 3 * 64 * 2 * 2 * 1024 } });
    expect(code).toBe(0);
  });

  it('prints a page', async () => {
    const { code, stdout } = await runCli(['show', '--memory-limit', '120MB']);
    expect(stdout).toMatch(/^SmolLM2-135M-Instruct-4bit\n {2}folder +\S+\n {2}model +llama/);
    expect(stdout).toMatch(/fits +\d+ tokens at the most, in 126 MB/);
    expect(code).toBe(0);
  });
});

describe('doctor', () => {
  it('finds everything here', async () => {
    const { code, stdout } = await runCli(['doctor', '--json', '--port', '0']);
    const { ok, checks } = JSON.parse(stdout) as { ok: boolean; checks: { name: string; status: string }[] };
    expect(checks.map(({ name }) => name)).toEqual([
      'machine',
      'memory',
      'system',
      'node',
      'addon',
      'mlx',
      'grammars',
      'model',
      'port',
    ]);
    expect(checks.every(({ status }) => status === 'ok')).toBe(true);
    expect(ok).toBe(true);
    expect(code).toBe(0);
  });

  it('tells what is missing, and how to get it', async () => {
    const { code, stdout } = await runCli(['doctor', '--model', 'none', '--port', '0']);
    expect(stdout).toMatch(/FAIL {2}model .*no model none.*\n.*mlxd import/);
    expect(code).toBe(1);
  });
});

describe('serve', () => {
  it('says in one line that a port is in use', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => taken.once('listening', resolve));
    const { port } = taken.address() as AddressInfo;
    const { code, stdout, stderr } = await runCli(['serve', '--port', String(port)]);
    taken.close();
    expect(stderr).toMatch(new RegExp(`^mlxd: Port ${port} on 127.0.0.1 is in use. [^\n]*\n$`));
    expect(stdout).toBe('');
    expect(code).toBe(1);
  });

  it('finishes the reply under way at the first signal, and ends it at the second', async () => {
    const { child, sees, finished } = startCli(['serve', '--port', '0'], { env: { MLXD_LOG_LEVEL: 'silent' } });
    let stdout = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      stdout += chunk.toString();
    });
    await sees('mlxd listening on ');
    const url = /http:\/\/\S+/.exec(stdout)?.[0];
    const response = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        model: DEFAULT_MODEL,
        messages: [{ role: 'user', content: QUESTION }],
        stream: true,
        ignore_eos: true,
        max_tokens: 4000,
      }),
    });
    const reader = response.body?.getReader();
    await reader?.read();
    child.kill('SIGTERM');
    await sees('finishing the replies under way');
    expect((await reader?.read())?.done).toBe(false);
    child.kill('SIGTERM');
    expect((await finished).code).toBe(0);
    await reader?.cancel().catch(() => undefined);
  });
});

describe('serve with a script', () => {
  const script = JSON.stringify({ replies: [{ tokens: ['Hel', 'lo'] }] });
  const start = () => {
    const file = join(folder, 'script.json');
    writeFileSync(file, script);
    const model = fileURLToPath(new URL(`../../models/${DEFAULT_MODEL}`, import.meta.url));
    return startCli(['serve', '--port', '0', '--engine', 'scripted', '--script', file, '--model', model]);
  };

  it('plays it', async () => {
    const { child, sees, finished } = start();
    await sees('mlxd listening on ');
    child.kill('SIGTERM');
    const { code, stdout } = await finished;
    expect(stdout).toContain('no model computes');
    expect(code).toBe(0);
  });

  it('ends at a signal that comes before it listens', async () => {
    const { child, sees, finished } = start();
    await sees('no model computes');
    child.kill('SIGTERM');
    expect([143, 0]).toContain((await finished).code); // 0: the signal was late.
  });
});

describe('what is mistyped', () => {
  it.each([
    [['serv'], "mlxd: unknown command 'serv' (Did you mean serve?)\n"],
    [['serve', '--prot', '1'], "mlxd: unknown option '--prot' (Did you mean --port?)\n"],
    [['serve', '--port', '99999'], 'mlxd: --port must be a whole number from 0 to 65535, not "99999"\n'],
  ])('gets a suggestion: %j', async (args, message) => {
    expect(await runCli(args)).toEqual({ code: 1, stdout: '', stderr: message });
  });

  it('is told of help', async () => {
    const { code, stdout } = await runCli(['--help']);
    for (const command of ['serve', 'run', 'list', 'show', 'import', 'doctor'])
      expect(stdout).toContain(`  ${command}`);
    expect(code).toBe(0);
  });
});
