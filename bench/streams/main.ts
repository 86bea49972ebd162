// `npm run bench:streams`: what several clients get of one server at once.
import { parseArgs } from 'node:util';
import { BuildError, main } from '../../scripts/build/errors.js';
import { DEFAULT_MODEL, ModelStore } from '../../src/services/model-store.js';
import { formatBytes, formatDuration } from '../../src/terminal/format.js';
import { formatTable } from '../../src/terminal/table.js';
import { bar } from '../peers/chart.js';
import { openPrompts } from '../speed/prompts.js';
import { startServer } from '../speed/server.js';
import type { Target } from '../speed/stream.js';
import { type HostWork, measureHost } from './host.js';
import { COLLECTABLE, type Memory, type Soak, soak } from './soak.js';
import { type Beside, measureBesideLongPrompt, measureWidth, type Width } from './together.js';

const HELP = `Usage: npm run bench:streams -- [options]

  --model NAME|PATH   default: ${DEFAULT_MODEL}
  --output-tokens N   of each stream; default: 96
  --long-prompt N     tokens of the prompt that a short request meets; default: 4096
  --host              instead of the figures: what the main thread does for each decode step, without text and HTTP
  --soak MINUTES      instead of the figures: 100 streams for so long, some left by their clients; status 1 when something
                      failed, hung, or did not give its memory back
  --json              the figures as JSON`;

const WIDTHS = [1, 4, 8, 16, 32];
const HOST_WIDTHS = [1, 8, 32];
const ROUNDS = 5;
const HEADER = ['streams', 'tokens/s', 'of one', 'slowest / fastest', 'CPU', 'main', 'client', ''];

main('bench', async () => {
  const { values } = parseArgs({
    options: {
      model: { type: 'string', default: DEFAULT_MODEL },
      'output-tokens': { type: 'string', default: '96' },
      'long-prompt': { type: 'string', default: '4096' },
      host: { type: 'boolean', default: false },
      soak: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    console.log(HELP);
    return;
  }
  const outputTokens = positive('output-tokens', values['output-tokens']);
  const longTokens = positive('long-prompt', values['long-prompt']);
  const minutes = values.soak === undefined ? undefined : positive('soak', values.soak);
  const { folder, name } = await new ModelStore().find(values.model);
  const print = <T>(figures: T, format: (figures: T) => string) =>
    console.log(values.json ? JSON.stringify(figures, null, 2) : format(figures));
  if (values.host) {
    print(await measureHost(folder, HOST_WIDTHS), formatHost);
    return;
  }
  const prompts = await openPrompts(name, folder);
  const server = await startServer(folder, [], minutes === undefined ? [] : COLLECTABLE);
  const target: Target = { url: server.url, model: name };
  try {
    if (minutes !== undefined) {
      const result = await soak(target, server, prompts, minutes);
      print(result, formatSoak);
      if (result.problems.length > 0) process.exitCode = 1;
      return;
    }
    const widths: Width[] = [];
    const measure = (streams: number, tokens: number) =>
      measureWidth(target, prompts, { streams, outputTokens: tokens, pid: server.pid });
    await measure(2, 8); // Warm-up.
    for (const streams of WIDTHS) widths.push(await measure(streams, outputTokens));
    const beside = await measureBesideLongPrompt(target, prompts, longTokens, ROUNDS);
    print({ model: name, longTokens, widths, beside }, () => formatFigures(widths, beside, longTokens));
  } finally {
    await server.stop();
    await prompts.close();
  }
});

function positive(name: string, value: string): number {
  const number = Number(value);
  if (number > 0) return number;
  throw new BuildError(`--${name} must be a number above 0, not ${JSON.stringify(value)}`);
}

function formatFigures(widths: readonly Width[], beside: Beside, longTokens: number): string {
  const one = widths[0]?.tokensPerSecond ?? 1;
  const most = Math.max(...widths.map(({ tokensPerSecond }) => tokensPerSecond));
  const micros = (ms: number | undefined) => (ms === undefined ? '' : (1000 * ms).toFixed(0));
  const rows = widths.map(({ streams, tokensPerSecond, fairness, cpu }) => [
    String(streams),
    tokensPerSecond.toFixed(1),
    (tokensPerSecond / one).toFixed(2),
    fairness.toFixed(2),
    micros(cpu?.server),
    micros(cpu?.mainThread),
    micros(cpu?.client),
    bar(tokensPerSecond / most),
  ]);
  const { idleTtftMs, besideTtftMs, worstTtftMs, shortRequests, longTtftMs, longAloneMs } = beside;
  return [
    ...formatTable([HEADER, ...rows], [0, 1, 2, 3, 4, 5, 6]),
    'CPU: processor time of a token in microseconds, prompt included: the whole server, its main thread, this client.',
    '',
    `A short request's first text: ${formatDuration(idleTtftMs)} idle; while a prompt of ${longTokens} tokens is computed ` +
      `${formatDuration(besideTtftMs)}, at worst ${formatDuration(worstTtftMs)} (${shortRequests} requests).`,
    `The long prompt's: ${formatDuration(longAloneMs)} alone, ${formatDuration(longTtftMs)} beside those.`,
  ].join('\n');
}

function formatHost(work: readonly HostWork[]): string {
  const rows = work.map(({ streams, drainUs, mainThreadUs }) => [
    String(streams),
    drainUs.toFixed(1),
    mainThreadUs?.toFixed(1) ?? '',
  ]);
  return [
    "Microseconds a decode step, in this process; the rest of the engine's own work is in step_bench.",
    ...formatTable([['streams', 'drain', 'main thread in all'], ...rows], [0, 1, 2]),
  ].join('\n');
}

function formatSoak(result: Soak): string {
  const { streams, minutes, finished, cancelled, stuck, errors, before, most, after, problems } = result;
  const row = (name: string, field: keyof Memory) => [
    name,
    ...[before, most, after].map((memory) => formatBytes(memory[field])),
  ];
  const rows = [
    ['', 'before', 'most', 'after'],
    row('RSS', 'rssBytes'),
    row("MLX's active memory", 'activeBytes'),
    row('  of both, prefixes kept', 'prefixBytes'),
  ];
  return [
    `${streams} streams for ${minutes} minutes: ${finished} finished, ${cancelled} left by their clients, ` +
      `${errors.length} errors, ${stuck} stuck`,
    ...[...new Set(errors)],
    ...formatTable(rows, [1, 2, 3]),
    problems.length === 0
      ? 'All is well: no error, no stream stuck, memory as before.'
      : `Wrong: ${problems.join('; ')}.`,
  ].join('\n');
}
