// mlxd import: a GGUF file becomes a model folder.
import { basename, join } from 'node:path';
import { Command } from 'commander';
import { loadSettings } from '../config.js';
import { ImportError, type ImportResult, importGguf } from '../services/model-import.js';
import { isModelName } from '../services/model-store.js';
import { formatBytes, formatShare } from '../terminal/format.js';
import { progressBar } from '../terminal/progress-bar.js';
import { formatTable } from '../terminal/table.js';
import { addSettings } from './options.js';
import { abortOnSignal } from './signals.js';

interface ImportFlags {
  out?: string;
  name?: string;
  force?: boolean;
  json?: boolean;
}

export function importCommand(): Command {
  const command = new Command('import')
    .description('Import a GGUF file as a model. Prints what each type of weights was made into, and what it lost.')
    .argument('<file.gguf>', 'the file')
    .option('--name <name>', 'name of the model (default: that of the file)')
    .option('--out <folder>', 'make this folder, in place of one among the models')
    .option('--force', 'replace a model that is there')
    .option('--json', 'print the result as JSON')
    .action(runImport);
  return addSettings(command, 'models').addHelpText(
    'after',
    `
Examples:
  mlxd import SmolLM2-135M-Instruct.Q4_1.gguf
  mlxd import model.gguf --name my-model && mlxd run --model my-model "Hello"`,
  );
}

async function runImport(file: string, flags: ImportFlags): Promise<void> {
  const { models } = loadSettings({ flags: { ...flags } });
  const out = flags.out ?? join(models, modelName(file, flags.name));
  const bar = progressBar('importing');
  const interrupt = abortOnSignal();
  try {
    const { folder, bytes, tensors, types } = await importGguf({
      file,
      out,
      force: flags.force ?? false,
      signal: interrupt.signal,
      onProgress: (done, total) => bar.update(done / total),
    });
    bar.clear();
    const result = { name: basename(folder), folder, bytes, tensors, types };
    console.log(flags.json ? JSON.stringify(result) : describeImport(result));
  } finally {
    bar.clear();
    interrupt.dispose();
  }
}

function describeImport({ name, folder, bytes, types }: ImportResult & { name: string }): string {
  const rows = types.map(({ type, tensors, bytes: size, bits, relativeError }) => {
    const loss = relativeError === 0 ? 'exact' : `relative error ${formatShare(relativeError)}`;
    return [type, String(tensors), formatBytes(size), `${bits} bits`, loss];
  });
  const table = formatTable([['TYPE', 'TENSORS', 'SIZE', 'BECOMES', 'VALUES'], ...rows], [1, 2]);
  return [`imported ${name} into ${folder} (${formatBytes(bytes)})`, ...table].join('\n');
}

function modelName(file: string, name = basename(file).replace(/\.gguf$/i, '')): string {
  if (isModelName(name)) return name;
  throw new ImportError(
    `${JSON.stringify(name)} is no model name: it may have letters, digits, '.', '_' and '-'. Choose one with --name`,
  );
}
