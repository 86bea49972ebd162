// `--engine scripted --script FILE` of serve: a script's tokens in place of a model's, in a checkout only. The published
// package has not the file that plays them, so there the flags do not exist.
import { existsSync } from 'node:fs';
import { type Command, Option } from 'commander';
import type { Settings } from '../config.js';
import type { ServedModel } from '../services/types.js';

const LOADER = new URL('../services/scripted/load-scripted-model.js', import.meta.url);

export interface ScriptedFlags {
  engine?: 'mlx' | 'scripted';
  script?: string;
}

export function addScriptedFlags(command: Command): Command {
  if (!existsSync(LOADER)) return command;
  const engine = new Option('--engine <name>', 'mlx, or scripted to play a script (development builds only)');
  const script = new Option('--script <file>', 'what the scripted engine plays (development builds only)');
  return command.addOption(engine.choices(['mlx', 'scripted']).hideHelp()).addOption(script.hideHelp());
}

/** The scripted model that the flags ask for; undefined when they ask for none. */
export async function loadScripted(
  { engine, script }: ScriptedFlags,
  settings: Settings,
): Promise<ServedModel | undefined> {
  if (engine !== 'scripted') {
    if (script !== undefined) throw new Error('--script needs --engine scripted');
    return undefined;
  }
  if (script === undefined) throw new Error('--engine scripted needs --script FILE');
  const { loadScriptedModel } = await import('../services/scripted/load-scripted-model.js');
  const { model: folder, toolFormat } = settings;
  const format = toolFormat === 'auto' ? {} : { toolFormat };
  const model = await loadScriptedModel({ folder, scriptFile: script, ...format });
  console.log(`mlxd plays the script ${script} with the scripted engine: no model computes`);
  return model;
}
