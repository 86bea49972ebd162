// mlxd run: one answer, or a conversation when there is a terminal and no prompt.
import { fstatSync } from 'node:fs';
import { text as readAll } from 'node:stream/consumers';
import { Command } from 'commander';
import { loadSettings } from '../config.js';
import { readReply } from '../services/reply.js';
import type { ServedModel } from '../services/types.js';
import { styleFor } from '../terminal/style.js';
import { loadForCommand } from './load.js';
import { addSettings, parseInteger, parseReal } from './options.js';
import { describeReply, type ReplyFlags, toInput } from './replies.js';
import { abortOnSignal } from './signals.js';

interface RunFlags extends ReplyFlags {
  json?: boolean;
}

export function runCommand(): Command {
  const command = new Command('run')
    .description('Ask a model: once, or in a conversation.')
    .argument('[prompt...]', 'what to ask; text from a pipe is added to it')
    .option('--system <text>', 'system message')
    .option('--temperature <number>', '0 takes the likeliest token each time', parseReal(0, 2), 0.7)
    .option('--top-p <number>', 'sample from the likeliest tokens that make up this probability', parseReal(0, 1), 1)
    .option('--top-k <number>', 'sample from so many of the likeliest tokens; 0 for all', parseInteger(0), 0)
    .option('--min-p <number>', 'leave out tokens less likely than this share of the likeliest', parseReal(0, 1), 0)
    .option('--repetition-penalty <number>', 'above 1: fewer tokens that the text already has', parseReal(0.01, 100), 1)
    .option('--presence-penalty <number>', 'above 0: fewer tokens that the reply already has', parseReal(-2, 2), 0)
    .option('--frequency-penalty <number>', 'the same for each time that it has them', parseReal(-2, 2), 0)
    .option('--max-tokens <number>', 'end the reply after so many tokens', parseInteger(1))
    .option('--seed <number>', 'same seed, same reply', parseInteger(0))
    .option('--json', 'print the reply and its figures as JSON')
    .action(run);
  return addSettings(
    command,
    'model',
    'adapter',
    'device',
    'kernels',
    'threads',
    'precision',
    'kvBits',
    'models',
  ).addHelpText(
    'after',
    `
Examples:
  mlxd run "What is the capital of France?" --temperature 0
  git diff | mlxd run "Write a commit message for this:"
  mlxd run --system "You speak like a pirate."     a conversation; /help tells its commands`,
  );
}

async function run(words: string[], flags: RunFlags): Promise<void> {
  const settings = loadSettings({ flags: { ...flags } });
  const prompt = await readPrompt(words.join(' '));
  if (prompt === undefined && flags.json) throw new Error('--json is for one reply: give a prompt');
  const interrupt = abortOnSignal();
  const model = await loadForCommand(settings, interrupt.signal).finally(interrupt.dispose);
  try {
    if (prompt !== undefined) return await answerOnce(model, prompt, flags);
    const { converse } = await import('./conversation.js');
    await converse(model, flags);
  } finally {
    await model.close();
  }
}

/** The prompt of the command line and of the pipe together; undefined when there is neither. */
async function readPrompt(argument: string): Promise<string | undefined> {
  const piped = isPiped(argument !== '') ? (await readAll(process.stdin)).trimEnd() : '';
  const prompt = [argument, piped].filter((part) => part.trim() !== '').join('\n\n');
  if (prompt !== '') return prompt;
  if (process.stdin.isTTY) return undefined;
  throw new Error('there is no prompt: give one, as in \'mlxd run "Hello"\', or pipe one in');
}

/** A program that starts this one may leave its end of a socket open for good: not read when there is a prompt already. */
function isPiped(hasPrompt: boolean): boolean {
  if (process.stdin.isTTY) return false;
  const stat = fstatSync(0);
  return stat.isFIFO() || stat.isFile() || (!hasPrompt && stat.isSocket());
}

async function answerOnce(model: ServedModel, prompt: string, flags: RunFlags): Promise<void> {
  const interrupt = abortOnSignal();
  const write = flags.json ? undefined : (text: string) => void process.stdout.write(text);
  const { dim } = styleFor(process.stderr);
  const writeThought = flags.json ? undefined : (text: string) => void process.stderr.write(dim(text));
  try {
    const deltas = model.chat(toInput([{ role: 'user', content: prompt }], flags), interrupt.signal);
    const reply = await readReply(deltas, write, writeThought);
    if (flags.json) {
      console.log(JSON.stringify({ model: model.id, ...reply }));
    } else {
      process.stdout.write('\n');
      console.error(describeReply(reply));
    }
  } finally {
    interrupt.dispose();
  }
  interrupt.signal.throwIfAborted();
}
