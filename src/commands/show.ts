// mlxd show: what a model is, what it can do, and what it will need here.
import { Command } from 'commander';
import { loadSettings, type Settings } from '../config.js';
import type { ModelOutline } from '../engine/types.js';
import { ModelStore } from '../services/model-store.js';
import type { ChatSummary, ModelSummary } from '../services/model-summary.js';
import { formatBytes, formatCount } from '../terminal/format.js';
import { styleFor } from '../terminal/style.js';
import { formatTable } from '../terminal/table.js';
import { addSettings, parseInteger } from './options.js';

interface ShowFlags {
  context?: number;
  json?: boolean;
}

type Line = readonly [label: string, text: string];

export function showCommand(): Command {
  const command = new Command('show')
    .description('Tell what a model is, what its chat template can do, and the memory it will need here.')
    .argument('[name|path]', 'the model (default: that of the settings)')
    .option('--context <tokens>', 'tell the memory for so many tokens (default: all of its context)', parseInteger(1))
    .option('--json', 'print it as JSON')
    .action(show);
  return addSettings(
    command,
    'adapter',
    'models',
    'device',
    'kernels',
    'precision',
    'kvBits',
    'memoryLimit',
    'toolFormat',
  ).addHelpText(
    'after',
    `
Reads no weights, only their files' headers. Ends with exit code 1 when the model cannot be used here.

Examples:
  mlxd show
  mlxd show ./my-model --context 32768
  mlxd show --json | jq .outline.memory`,
  );
}

async function show(name: string | undefined, flags: ShowFlags): Promise<void> {
  const settings = loadSettings({ flags: { ...flags, model: name } });
  const { summarizeModel } = await import('../services/model-summary.js');
  const { context } = flags;
  const options = { ...inspectionSettings(settings), ...(context === undefined ? {} : { context }) };
  const summary = await summarizeModel(new ModelStore(settings.models), settings.model, options);
  if (flags.json) console.log(JSON.stringify(summary, null, 2));
  else printSummary(summary);
  if (summary.problems.length > 0 || summary.outline?.memory.longestContext === 0) process.exitCode = 1;
}

/** The settings that what a model needs depends on. */
export function inspectionSettings(settings: Settings) {
  const { adapter, device, kernels, precision, kvBits, memoryLimit, toolFormat } = settings;
  return {
    device,
    kernels,
    precision,
    kvBits,
    ...(adapter ? { adapter } : {}),
    ...(memoryLimit === 'auto' ? {} : { memoryLimit }),
    ...(toolFormat === 'auto' ? {} : { toolFormat }),
  };
}

function printSummary(summary: ModelSummary): void {
  const style = styleFor(process.stdout);
  const { name, folder, outline, tokenizer, chat, problems, modelType, architecture, bytes } = summary;
  const lines: Line[] = [
    ['folder', folder],
    ['model', architecture ? `${modelType} (${architecture})` : modelType],
    ...(outline ? outlineLines(outline) : [['weights', formatBytes(bytes)] as const]),
    ...(tokenizer ? [['tokenizer', `${tokenizer.kind}, ${tokenizer.vocabSize} tokens`] as const] : []),
    ...chatLines(chat),
  ];
  console.log(style.bold(name));
  for (const line of formatTable(lines)) console.log(`  ${line}`);
  for (const problem of problems) console.log(style.yellow(`It cannot be used: ${problem}`));
}

function outlineLines(outline: ModelOutline): Line[] {
  const { layers, heads, kvHeads, hiddenSize, contextLength, parameters, weights, leftOutBytes } = outline;
  const shares = weights.map(({ format, bits, groupSize, parameters, bytes }): Line => {
    const stored = groupSize === undefined ? format : `${format}, ${bits} bits, groups of ${groupSize}`;
    return ['weights', `${stored}: ${formatCount(parameters)} parameters, ${formatBytes(bytes)}`];
  });
  return [
    ['layers', `${layers}, ${hiddenSize} wide, ${heads} heads, ${kvHeads} of keys and values`],
    ['context', `${contextLength} tokens`],
    ['parameters', formatCount(parameters)],
    ...shares,
    ...(leftOutBytes > 0
      ? [['left out', `other parts than the language model, ${formatBytes(leftOutBytes)}`] as const]
      : []),
    ...memoryLines(outline),
  ];
}

function memoryLines({ memory, contextLength, device, kernels, precision }: ModelOutline): Line[] {
  const { limit, weights, context, contextBytes, longestContext } = memory;
  const needs = `${formatBytes(weights)} of weights, ${formatBytes(contextBytes)} for ${context} tokens: `;
  const verdict =
    longestContext >= contextLength ? 'yes' : longestContext > 0 ? `${longestContext} tokens at the most` : 'no';
  return [
    ['memory', `${needs}${formatBytes(weights + contextBytes)}, and what a step takes in passing`],
    ['fits', `${verdict}, in ${formatBytes(limit)}`],
    ['computes', [device.toUpperCase(), kernels, precision].filter(Boolean).join(', ')],
  ];
}

const SYSTEM = {
  written: 'takes system messages',
  ignored: 'leaves out system messages',
  refused: 'refuses system messages',
};

function chatLines(chat: ChatSummary | undefined): Line[] {
  if (!chat) return [['template', 'none: it completes text, and cannot chat']];
  const { templateHasTools, toolFormat, system, thinks } = chat;
  const tools = templateHasTools ? `tools (${toolFormat})` : `tools by words of ours (${toolFormat})`;
  return [['template', [tools, SYSTEM[system], thinks ? 'thinks' : 'does not think'].join('; ')]];
}
