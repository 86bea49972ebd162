// `npm run bench:peers`: our speed beside llama.cpp's and mlx-lm's, in one run on the same weights and prompts.

import { parseArgs } from 'node:util';
import { BuildError, main } from '../../scripts/build/errors.js';
import { type Ratio, ratios, type TaskResult } from './floors.js';
import { installPeers, type Peers } from './install.js';
import { describeMachine, type Machine, measureBandwidth } from './machine.js';
import { modelCost } from './model-cost.js';
import { MODEL_NAMES, type ModelFiles, type ModelName, prepareModel } from './models.js';
import { PEER_NAMES, Peer, type PeerName } from './peers.js';
import { say } from './progress.js';
import { type ModelReport, machineText, modelText, ratiosText } from './report.js';
import { measureTask } from './rounds.js';
import { shareOf } from './shares.js';
import { FLOOR_SECTIONS, longestSequence, makeTasks, SECTIONS, type Section, type Task } from './tasks.js';

const HELP = `Usage: npm run bench:peers -- [options]

Measures mlxd, llama.cpp (compiled from source on the first run) and mlx-lm on the same weights and prompts.

  --only SECTION     ${SECTIONS.join(', ')}; may be repeated.
                     Default: all; on models other than "default" the first three
  --models NAME      ${MODEL_NAMES.join(', ')}; may be repeated. Default: all
  --peers NAME       ${PEER_NAMES.join(', ')}; may be repeated. Default: all
  --rounds N         alternating rounds. Default: 5
  --threads N        threads of mlxd and llama.cpp. Default: 2
  --quick            the default model, 2 rounds, shorter
  --json             the results as JSON on stdout instead of tables
  --check            end with status 1 when a figure is under its floor, as it does when a measurement failed
  --help

Environment:
  MLXD_CACHE                   keep the peers and the models here instead of .cache/
  CMAKE_BUILD_PARALLEL_LEVEL   compile llama.cpp with so many jobs`;

/** Load average above which other programs take a part of the processor that shows. */
const QUIET_LOAD = 0.5;

interface Options {
  /** Undefined: all that a model is measured in. */
  sections: Section[] | undefined;
  models: readonly ModelName[];
  peers: readonly PeerName[];
  rounds: number;
  threads: number;
  quick: boolean;
}

main('bench:peers', async () => {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', multiple: true },
      models: { type: 'string', multiple: true },
      peers: { type: 'string', multiple: true },
      rounds: { type: 'string' },
      threads: { type: 'string', default: '2' },
      quick: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      check: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    console.log(HELP);
    return;
  }
  const { quick } = values;
  const options: Options = {
    sections: values.only && choose('--only', values.only, SECTIONS),
    models: values.models ? choose('--models', values.models, MODEL_NAMES) : quick ? ['default'] : MODEL_NAMES,
    peers: values.peers ? choose('--peers', values.peers, PEER_NAMES) : PEER_NAMES,
    rounds: count('--rounds', values.rounds ?? (quick ? '2' : '5')),
    threads: count('--threads', values.threads),
    quick,
  };
  await run(options, values.json, values.check);
});

async function run(options: Options, json: boolean, check: boolean): Promise<void> {
  const installed = await installPeers();
  // All files are made before anything is measured: making them would disturb it.
  const models: ModelFiles[] = [];
  for (const name of options.models) models.push(await prepareModel(name, installed));
  const machine = await describeMachine(options.threads);
  if (machine.load > QUIET_LOAD) say(`the machine is not idle (load ${machine.load.toFixed(2)}): trust no figure`);
  if (!json) console.log(machineText(machine, installed.llamaCppFlags, options.rounds));
  const reports: ModelReport[] = [];
  for (const files of models) {
    const report = await measureModel(files, installed, machine, options);
    if (!json) console.log(modelText(report));
    reports.push(report);
  }
  const reached = ratios(reports.flatMap(({ results }) => results));
  if (json) {
    console.log(
      JSON.stringify({ machine, ...installed, rounds: options.rounds, models: reports, ratios: reached }, null, 2),
    );
  } else if (reached.length > 0) {
    console.log(ratiosText(reached));
  }
  const failed = reports.some(({ results }) => results.some(({ outcomes }) => outcomes.some(({ error }) => error)));
  if (failed || (check && !allMet(reached, reports))) process.exitCode = 1;
}

const allMet = (reached: readonly Ratio[], reports: readonly ModelReport[]): boolean =>
  reached.every(({ met }) => met) &&
  reports.every(({ shares }) => shares.every(({ ofMemory = 0, floor = 0 }) => ofMemory >= floor));

async function measureModel(
  files: ModelFiles,
  installed: Peers,
  machine: Machine,
  options: Options,
): Promise<ModelReport> {
  const { title } = files;
  const cost = modelCost(files.mlx);
  const sections = options.sections ?? (files.name === 'default' ? SECTIONS : FLOOR_SECTIONS);
  const tasks = sections.flatMap((section) => makeTasks(section, { ...cost, quick: options.quick }));
  const before = await measureBandwidth(options.threads, cost.weightBytes);
  const peers: Peer[] = [];
  const results: TaskResult[] = [];
  try {
    for (const name of options.peers) {
      say(`${title}: loading into ${name}`);
      const peer = await Peer.start(name, files, installed, {
        threads: options.threads,
        contextLength: longestSequence(tasks),
      });
      if (peer) peers.push(peer);
    }
    for (const task of tasks) {
      say(`${title}: ${task.label}`);
      const outcomes = await measureTask(task, peers, options.rounds);
      results.push({ model: files.name, section: task.section, label: task.label, outcomes });
    }
  } finally {
    await Promise.all(peers.map((peer) => peer.close()));
  }
  const described = peers.map(({ name, loaded }) => ({ name, ...loaded }));
  const bandwidth = await measureBandwidth(options.threads, cost.weightBytes, before);
  const shares = results.flatMap((result, i) => shareOf(result, tasks[i] as Task, cost, machine, bandwidth) ?? []);
  return { title, weightBytes: cost.weightBytes, bandwidth, peers: described, results, shares };
}

function choose<T extends string>(flag: string, given: readonly string[], known: readonly T[]): T[] {
  const names = given.flatMap((value) => value.split(','));
  const unknown = names.find((name) => !known.some((candidate) => candidate === name));
  if (unknown !== undefined) throw new BuildError(`${flag}: there is no "${unknown}"; there are ${known.join(', ')}`);
  return known.filter((candidate) => names.includes(candidate));
}

function count(flag: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new BuildError(`${flag} takes a whole number from 1, not "${text}"`);
  return value;
}
