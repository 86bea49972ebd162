// mlxd doctor: what there is, what is missing, and how to get it.
import { Command } from 'commander';
import { loadSettings, type Settings } from '../config.js';
import type { Check } from '../services/doctor.js';
import { ModelStore } from '../services/model-store.js';
import { styleFor } from '../terminal/style.js';
import { formatTable } from '../terminal/table.js';
import { addSettings } from './options.js';
import { inspectionSettings } from './show.js';

export function doctorCommand(): Command {
  const command = new Command('doctor')
    .description('Check what a server needs: the machine, the addon, MLX, the model, the port.')
    .option('--json', 'print the checks as JSON')
    .action(doctor);
  return addSettings(
    command,
    'model',
    'adapter',
    'host',
    'port',
    'models',
    'device',
    'kernels',
    'precision',
    'kvBits',
    'memoryLimit',
  ).addHelpText(
    'after',
    `
Ends with exit code 1 when something that is needed is missing.

Examples:
  mlxd doctor
  mlxd doctor --model ./my-model
  mlxd doctor --json | jq '.checks[] | select(.status != "ok")'`,
  );
}

async function doctor(flags: { json?: boolean }): Promise<void> {
  const settings = loadSettings({ flags: { ...flags } });
  const { checkMachine, checkModel, checkRuntime } = await import('../services/doctor.js');
  const checks = [
    ...checkMachine(),
    ...checkRuntime(),
    await checkModel(new ModelStore(settings.models), settings.model, inspectionSettings(settings)),
    await checkPort(settings),
  ];
  const ok = checks.every((check) => check.status !== 'failed');
  if (flags.json) console.log(JSON.stringify({ ok, checks }, null, 2));
  else printChecks(checks);
  if (!ok) process.exitCode = 1;
}

/** A port in use may well be in use by mlxd: worth a word, not a failure. */
async function checkPort({ host, port }: Settings): Promise<Check> {
  const { probePort } = await import('../server/listen.js');
  const name = 'port';
  try {
    await probePort(host, port);
    return { name, status: 'ok', detail: `${port} on ${host} is free` };
  } catch (error) {
    return { name, status: 'warning', detail: (error as Error).message };
  }
}

function printChecks(checks: readonly Check[]): void {
  const style = styleFor(process.stdout);
  const marks = { ok: style.green('ok  '), warning: style.yellow('warn'), failed: style.red('FAIL') };
  const lines = formatTable(checks.map(({ name, detail }) => [name, detail]));
  checks.forEach(({ status, fix }, i) => {
    console.log(`${marks[status]}  ${lines[i]}`);
    if (fix) console.log(`      ${fix}`);
  });
}
