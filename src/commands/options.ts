// Options that several commands have, made from the schema of the settings, and the parsers of numeric ones.
import { type Command, InvalidArgumentError, Option } from 'commander';
import { envName, flagName, type SettingName, settingsSchema } from '../config.js';

interface SettingMeta {
  argument: string;
  description: string;
}

/** Adds the flags of these settings, and --config. */
export function addSettings(command: Command, ...names: SettingName[]): Command {
  for (const name of names) command.addOption(settingOption(name));
  return command.option(
    '--config <file>',
    'file of settings (env: MLXD_CONFIG; default: mlxd.toml here or in ~/.mlxd)',
  );
}

function settingOption(name: SettingName): Option {
  const schema = settingsSchema.shape[name];
  const { argument, description } = schema.meta() as unknown as SettingMeta;
  const standard = schema.parse(undefined);
  const isEmpty = standard === '' || (Array.isArray(standard) && standard.length === 0);
  const notes = [`env: ${envName(name)}`, ...(isEmpty ? [] : [`default: ${String(standard)}`])];
  return new Option(`--${flagName(name)} <${argument}>`, `${description} (${notes.join('; ')})`);
}

export const parseInteger =
  (min: number, max = Number.MAX_SAFE_INTEGER) =>
  (value: string): number => {
    const number = Number(value);
    if (/^\d{1,16}$/.test(value) && number >= min && number <= max) return number;
    throw new InvalidArgumentError(
      max === Number.MAX_SAFE_INTEGER
        ? `It must be a whole number from ${min}.`
        : `It must be a whole number from ${min} to ${max}.`,
    );
  };

export const parseReal =
  (min: number, max: number) =>
  (value: string): number => {
    const number = Number(value);
    if (value.trim() !== '' && number >= min && number <= max) return number;
    throw new InvalidArgumentError(`It must be a number from ${min} to ${max}.`);
  };
