#!/usr/bin/env node
// The `mlxd` program: argv to a command, and whatever goes wrong to one line and an exit code.
import { Command, CommanderError } from 'commander';
import { doctorCommand } from './commands/doctor.js';
import { importCommand } from './commands/import.js';
import { listCommand } from './commands/list.js';
import { runCommand } from './commands/run.js';
import { serveCommand } from './commands/serve.js';
import { showCommand } from './commands/show.js';
import { Interrupted } from './commands/signals.js';
import { VERSION } from './version.js';

function buildProgram(): Command {
  const program = new Command('mlxd')
    .description("Serves open-weight language models on your own machine, at the speed of Apple's MLX.")
    .version(VERSION)
    .helpCommand(false)
    .addHelpText(
      'after',
      `
Examples:
  mlxd serve                                    an OpenAI-compatible API on http://127.0.0.1:8080
  mlxd run "Why is the sky blue?"               one answer
  cat notes.txt | mlxd run "Summarise this:"    an answer about a text
  mlxd run                                      a conversation

'mlxd COMMAND --help' tells all of a command. Settings also come from MLXD_* variables and from mlxd.toml.`,
    );
  for (const command of [
    serveCommand(),
    runCommand(),
    listCommand(),
    showCommand(),
    importCommand(),
    doctorCommand(),
  ]) {
    program.addCommand(command);
  }
  for (const command of [program, ...program.commands]) {
    command.exitOverride().configureOutput({ outputError: (message, write) => write(asOneLine(message)) });
  }
  return program;
}

/** Commander's own errors: "error: unknown option '--prot'\n(Did you mean --port?)\n". */
const asOneLine = (message: string): string =>
  `mlxd: ${message
    .replace(/^error: /, '')
    .trim()
    .replaceAll('\n', ' ')}\n`;

/** Prints what went wrong and returns the exit code. */
function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode;
  if (error instanceof Interrupted) return error.exitCode;
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  console.error(`mlxd: ${process.env.MLXD_DEBUG === '1' ? stack : message}`);
  return 1;
}

/** The reader of a pipe may leave at any time: `mlxd list | head -1`. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? 0 : 1);
});

try {
  await buildProgram().parseAsync();
} catch (error) {
  process.exitCode = report(error);
}
