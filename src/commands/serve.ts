// mlxd serve: one model behind the HTTP API, until a signal.
import { Command } from 'commander';
import { loadSettings, type SettingName, type Settings } from '../config.js';
import type { ModelInfo } from '../engine/types.js';
import type { RunningServer } from '../server/listen.js';
import type { ServedModel } from '../services/types.js';
import { formatBytes } from '../terminal/format.js';
import { VERSION } from '../version.js';
import { loadForCommand } from './load.js';
import { addSettings } from './options.js';
import { addScriptedFlags, loadScripted, type ScriptedFlags } from './scripted.js';
import { abortOnSignal, onSignal } from './signals.js';

/** What requests under way may take after the first signal. */
const DRAIN_MS = 30_000;

export function serveCommand(): Command {
  const command = new Command('serve').description('Serve a model behind the OpenAI API.').action(serve);
  const network: SettingName[] = ['host', 'port', 'allowedHosts', 'allowedOrigins'];
  const engine: SettingName[] = ['device', 'kernels', 'threads', 'precision', 'kvBits'];
  const load: SettingName[] = ['maxSequences', 'maxQueue', 'requestTimeout', 'memoryLimit', 'prefixCache'];
  addScriptedFlags(command);
  return addSettings(
    command,
    'model',
    'adapter',
    ...network,
    ...engine,
    ...load,
    'toolFormat',
    'logLevel',
    'models',
  ).addHelpText(
    'after',
    `
Prints 'mlxd listening on http://HOST:PORT' when it is ready to answer. SIGINT and SIGTERM let replies under way finish,
within ${DRAIN_MS / 1000} seconds; a second signal ends them.

Examples:
  mlxd serve
  mlxd serve --model ./my-model --port 0
  curl http://127.0.0.1:8080/v1/chat/completions -H 'content-type: application/json' \\
    -d '{"model": "SmolLM2-135M-Instruct-4bit", "messages": [{"role": "user", "content": "Hello"}]}'`,
  );
}

async function serve(flags: ScriptedFlags & Record<string, unknown>): Promise<void> {
  const settings = loadSettings({ flags });
  const { probePort } = await import('../server/listen.js');
  await probePort(settings.host, settings.port);
  const interrupt = abortOnSignal();
  try {
    const model = (await loadScripted(flags, settings)) ?? (await loadForCommand(settings, interrupt.signal));
    try {
      const server = await start(model, settings);
      if (interrupt.signal.aborted) await server.drain(0);
      interrupt.signal.throwIfAborted();
      await serveUntilSignal(server, model);
    } finally {
      await model.close();
    }
  } finally {
    interrupt.dispose();
  }
}

async function start(model: ServedModel, settings: Settings) {
  const { host, port, logLevel, allowedHosts, allowedOrigins, maxSequences, maxQueue, requestTimeout } = settings;
  const [{ pino }, { buildApp }, { startServer }, { catalogOf }] = await Promise.all([
    import('pino'),
    import('../server/app.js'),
    import('../server/listen.js'),
    import('../services/load-model.js'),
  ]);
  const logger = pino({ level: logLevel }, pino.destination(2));
  const app = buildApp({
    models: catalogOf(model),
    version: VERSION,
    logger,
    allowedHosts,
    allowedOrigins,
    maxInFlight: maxSequences + maxQueue, // A request is one sequence at least: the engine would refuse more.
    requestTimeoutMs: requestTimeout * 1000,
  });
  return startServer({ app, host, port });
}

const describeDevice = ({ device, kernels, precision }: ModelInfo): string =>
  `the ${device.toUpperCase()}, kernels ${kernels}${precision ? `, precision ${precision}` : ''}`;

/** Resolves when the server has closed. */
function serveUntilSignal(server: RunningServer, model: ServedModel): Promise<void> {
  return new Promise((resolve, reject) => {
    let signals = 0;
    const listening = onSignal(() => {
      signals += 1;
      const { waiting, running } = model.stats();
      if (signals === 1 && waiting + running > 0) {
        console.error('mlxd: finishing the replies under way; a second signal ends them');
      }
      server
        .drain(signals === 1 ? DRAIN_MS : 0)
        .then(resolve, reject)
        .finally(listening.dispose);
    });
    const { leftOutBytes } = model.info;
    if (leftOutBytes > 0) {
      console.log(`${model.id} reads text alone: its other parts, ${formatBytes(leftOutBytes)}, are left out`);
    }
    console.log(`${model.id} computes on ${describeDevice(model.info)}`);
    console.log(`mlxd listening on ${server.url}`);
  });
}
