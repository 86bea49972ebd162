// mlxd run at a terminal: a conversation. Ctrl-C ends the reply; at an empty prompt it ends the program.
import { homedir } from 'node:os';
import { join } from 'node:path';
import { readReply } from '../services/reply.js';
import type { ChatMessage, ServedModel } from '../services/types.js';
import { LineReader, type LineTerminal } from '../terminal/line-reader.js';
import { styleFor } from '../terminal/style.js';
import { describeReply, type ReplyFlags, toInput } from './replies.js';

const HELP = `/clear  begin anew
/help   this text
/bye    leave; so does Ctrl-D, and Ctrl-C at an empty prompt
Ctrl-C during a reply ends the reply.`;

const realTerminal = (): LineTerminal => ({
  input: process.stdin,
  output: process.stdout,
  historyFile: join(homedir(), '.mlxd', 'history'),
});

/** Resolves when the user leaves. */
export async function converse(model: ServedModel, flags: ReplyFlags, terminal = realTerminal()): Promise<void> {
  const { output } = terminal;
  output.write(`${model.id}. /help tells the commands.\n`);
  const lines = new LineReader(terminal);
  let messages: ChatMessage[] = [];
  try {
    for (;;) {
      const line = (await lines.next())?.trim();
      if (line === undefined || line === '/bye') return;
      if (line === '') continue;
      if (line === '/clear') messages = [];
      else if (line === '/help') output.write(`${HELP}\n`);
      else if (/^\/\w+$/.test(line)) output.write(`There is no command ${line}; /help tells them.\n`);
      else messages = await answer(model, [...messages, { role: 'user', content: line }], flags, lines, output);
    }
  } finally {
    lines.close();
  }
}

/** Answers the last message. Returns the conversation with the answer, or without the question when there was none. */
async function answer(
  model: ServedModel,
  messages: ChatMessage[],
  flags: ReplyFlags,
  lines: LineReader,
  output: NodeJS.WritableStream,
): Promise<ChatMessage[]> {
  const abort = new AbortController();
  lines.onInterrupt = () => abort.abort();
  try {
    const { dim } = styleFor(output as NodeJS.WriteStream);
    const deltas = model.chat(toInput(messages, flags), abort.signal);
    const reply = await readReply(
      deltas,
      (text) => output.write(text),
      (reasoning) => output.write(dim(reasoning)),
    );
    output.write(`\n${describeReply(reply)}\n`);
    return reply.text === '' ? messages.slice(0, -1) : [...messages, { role: 'assistant', content: reply.text }];
  } catch (error) {
    // Nothing to end the conversation for; when it has outgrown the model, /clear helps.
    output.write(`\nmlxd: ${(error as Error).message}\n`);
    return messages.slice(0, -1);
  } finally {
    lines.onInterrupt = undefined;
  }
}
