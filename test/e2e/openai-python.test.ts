// The official Python client against the whole stack on the scripted engine. Its environment is made on the first run,
// with pip; where that cannot be, the test is skipped and says why.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { ANN, ANSWER, hasGrammars, MODEL, scriptedServer, THOUGHT } from '../contract/support.js';

const run = promisify(execFile);
const REQUIREMENT = 'openai==3.54.0';
const ENVIRONMENT = fileURLToPath(new URL(`../../.cache/python/${REQUIREMENT}`, import.meta.url));
const PYTHON = `${ENVIRONMENT}/bin/python`;
const SCRIPT = fileURLToPath(new URL('openai-python.py', import.meta.url));
const INSTALL_TIMEOUT_MS = 110_000;

let missing: string | undefined;
beforeAll(async () => {
  if (existsSync(PYTHON)) return;
  try {
    await run('python3', ['-m', 'venv', ENVIRONMENT], { timeout: INSTALL_TIMEOUT_MS });
    const install = ['-m', 'pip', 'install', '--quiet', '--only-binary=:all:', REQUIREMENT];
    await run(PYTHON, install, { timeout: INSTALL_TIMEOUT_MS });
  } catch (error) {
    missing = `no Python client here: ${String(error).split('\n')[0]}`;
    await rm(ENVIRONMENT, { recursive: true, force: true });
  }
}, 2 * INSTALL_TIMEOUT_MS);

async function answersTo(...questions: string[]): Promise<object> {
  const { stdout } = await run(PYTHON, [SCRIPT, await scriptedServer(), MODEL, ...questions]);
  return Object.assign(
    {},
    ...stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line)),
  );
}

describe('the openai client for Python', () => {
  it('gets text, a stream, a tool round trip, an error, and leaves in the middle', async ({ skip }) => {
    if (missing !== undefined) skip(missing);
    expect(await answersTo('text', 'stream', 'tools', 'error', 'cancel')).toEqual({
      text: ['Hello there.', 'Hello there.', true],
      stream: ['Hello there.', true],
      tools: [{ city: 'Paris' }, THOUGHT, ANSWER],
      error: [400, 'decimal_above_max_value', 'temperature', true],
      cancel: [MODEL],
    });
  });

  it.skipIf(!hasGrammars())('parses a reply that fits a schema, whole and streamed', async ({ skip }) => {
    if (missing !== undefined) skip(missing);
    expect(await answersTo('schema')).toEqual({ schema: [ANN, true] });
  });
});
