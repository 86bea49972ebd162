// mlxd list: the models that are there.
import { Command } from 'commander';
import { loadSettings } from '../config.js';
import { DEFAULT_MODEL, ModelStore } from '../services/model-store.js';
import { formatBytes } from '../terminal/format.js';
import { styleFor } from '../terminal/style.js';
import { formatTable } from '../terminal/table.js';
import { addSettings } from './options.js';

type Listed = Awaited<ReturnType<ModelStore['list']>>[number];

export function listCommand(): Command {
  const command = new Command('list')
    .alias('ls')
    .description('List the models that are installed.')
    .option('--json', 'print them as JSON')
    .action(list);
  return addSettings(command, 'models').addHelpText(
    'after',
    `
Examples:
  mlxd list
  mlxd list --json | jq -r '.[].name'`,
  );
}

async function list(flags: { json?: boolean }): Promise<void> {
  const { models: folder } = loadSettings({ flags: { ...flags } });
  const models = await new ModelStore(folder).list();
  if (flags.json) {
    console.log(JSON.stringify(models, null, 2));
  } else if (models.length === 0) {
    console.log(`No models in ${folder}. 'mlxd import FILE.gguf' adds one.`);
  } else {
    printTable(models);
  }
}

function printTable(models: readonly Listed[]): void {
  const style = styleFor(process.stdout);
  const header = ['NAME', 'TYPE', 'SIZE', 'WEIGHTS', 'CONTEXT'];
  const [titles, ...lines] = formatTable([header, ...models.map(toRow)], [2, 4]);
  console.log(style.bold(titles as string));
  for (const line of lines) console.log(line);
  for (const model of models) if ('problem' in model) console.log(style.yellow(`${model.name}: ${model.problem}`));
}

function toRow(model: Listed): string[] {
  const name = model.name === DEFAULT_MODEL ? `${model.name} (default)` : model.name;
  if ('problem' in model) return [name, 'unusable'];
  const { modelType, bytes, quantization = 'dense', contextLength } = model;
  return [name, modelType, formatBytes(bytes), quantization, String(contextLength ?? '')];
}
