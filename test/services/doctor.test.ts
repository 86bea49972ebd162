// What `mlxd doctor` says of a Node that is too old and of a model that is not there.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { checkGrammars, checkMachine, checkModel, checkNode } from '../../src/services/doctor.js';
import { ModelStore } from '../../src/services/model-store.js';

it.each([
  ['20.19.0', 'ok'],
  ['24.1.0', 'ok'],
  ['20.18.3', 'failed'],
  ['18.20.0', 'failed'],
])('Node %s: %s', (version, status) => {
  expect(checkNode(version).status).toBe(status);
});

it('describes this machine', () => {
  const checks = checkMachine();
  expect(checks.map((check) => check.name)).toEqual(['machine', 'memory', 'system', 'node']);
  expect(checks.every((check) => check.status === 'ok' && check.detail !== '')).toBe(true);
});

it('warns of a build that can hold no reply to a schema', () => {
  expect(checkGrammars(true).status).toBe('ok');
  expect(checkGrammars(false)).toMatchObject({ status: 'warning', fix: expect.stringContaining('cargo') });
});

it('tells how to get a model that is missing', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'mlxd-doctor-'));
  const check = await checkModel(new ModelStore(folder, folder), 'tiny').finally(() =>
    rmSync(folder, { recursive: true }),
  );
  expect(check).toMatchObject({ status: 'failed', detail: expect.stringContaining('no model tiny') });
  expect(check.fix).toContain('mlxd import');
});
