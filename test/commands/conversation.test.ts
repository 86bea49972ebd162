// The conversation of `mlxd run` at a terminal made of two streams: keys in, text out.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { converse } from '../../src/commands/conversation.js';
import { ScriptedModel } from '../server/support/scripted-model.js';

const CTRL_C = '\x03';
const CTRL_D = '\x04';
const UP = '\x1b[A';

let folder: string;
let historyFile: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mlxd-conversation-'));
  historyFile = join(folder, 'state', 'history');
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function start(model: ScriptedModel) {
  const input = new PassThrough();
  const output = new PassThrough();
  let screen = '';
  let check = (): void => {};
  output.on('data', (chunk: Buffer) => {
    screen += chunk.toString();
    check();
  });
  /** Resolves when the text has been on the screen so often. */
  const sees = (text: string, times = 1) =>
    new Promise<void>((resolve) => {
      check = () => {
        if (stripVTControlCharacters(screen).split(text).length > times) resolve();
      };
      check();
    });
  const sampling = { temperature: 0, topP: 1, topK: 0, minP: 0 };
  const penalties = { repetitionPenalty: 1, presencePenalty: 0, frequencyPenalty: 0 };
  const flags = { system: 'Be brief.', ...sampling, ...penalties };
  const ended = converse(model, flags, { input, output, historyFile });
  return { ended, sees, type: (keys: string) => input.write(keys), screen: () => stripVTControlCharacters(screen) };
}

const saying = (...texts: string[]) =>
  new ScriptedModel('tiny', (call, index) => {
    call.say(texts[index] ?? '').finish();
  });

const said = (model: ScriptedModel, call: number) => model.calls[call]?.input.messages.map(({ content }) => content);

it('answers with all that was said before, until /clear', async () => {
  const model = saying('One.', 'Two.', 'Three.');
  const { type, sees, ended } = start(model);
  type('first\r');
  await sees('One.');
  type('second\r');
  await sees('Two.');
  expect(said(model, 1)).toEqual(['Be brief.', 'first', 'One.', 'second']);
  type('/clear\r');
  type('third\r');
  await sees('Three.');
  expect(said(model, 2)).toEqual(['Be brief.', 'third']);
  type('/bye\r');
  await ended;
});

it('ends the reply alone at Ctrl-C, and goes on', async () => {
  const model = new ScriptedModel('tiny');
  const { type, sees, ended } = start(model);
  type('long story\r');
  const call = await model.nextCall();
  call.say('Once upon');
  await sees('Once upon');
  type(CTRL_C);
  await call.cancelled;
  await sees('cancelled');
  type('again\r');
  (await model.nextCall()).say('Yes.').finish();
  await sees('1 token', 2);
  expect(said(model, 1)).toEqual(['Be brief.', 'long story', 'Once upon', 'again']);
  type(CTRL_C);
  await ended;
});

it('throws away a line that is begun at Ctrl-C', async () => {
  const model = saying('Hello.');
  const { type, sees, ended } = start(model);
  type('no, not this');
  type(CTRL_C);
  type('hi\r');
  await sees('Hello.');
  expect(said(model, 0)).toEqual(['Be brief.', 'hi']);
  type(CTRL_D);
  await ended;
});

it('tells an error and goes on without the question', async () => {
  const model = new ScriptedModel('tiny', (call, index) => {
    if (index === 0) call.fail(new Error('the conversation is too long'));
    else call.say('Fine.').finish();
  });
  const { type, sees, ended } = start(model);
  type('much\r');
  await sees('mlxd: the conversation is too long');
  type('little\r');
  await sees('Fine.');
  expect(said(model, 1)).toEqual(['Be brief.', 'little']);
  type('/bye\r');
  await ended;
});

it('knows its commands, and keeps a history from one time to the next', async () => {
  const first = start(saying('A.', 'B.'));
  first.type('/help\r');
  await first.sees('begin anew');
  first.type('/frobnicate\r');
  await first.sees('There is no command /frobnicate');
  first.type('what is love\r');
  await first.sees('A.');
  first.type('/bye\r');
  await first.ended;
  expect(readFileSync(historyFile, 'utf8').split('\n')).toContain('what is love');

  const model = saying('Again.');
  const second = start(model);
  second.type(`${UP}${UP}\r`); // the last was /bye
  await second.sees('Again.');
  expect(said(model, 0)).toEqual(['Be brief.', 'what is love']);
  second.type('/bye\r');
  await second.ended;
});
