// The questions that are asked of every peer, as requests over token ids: the same ids for all. Pure.

import type { Request } from './protocol.js';

export const SECTIONS = ['decode', 'prefill', 'batch16', 'context', 'batch'] as const;
export type Section = (typeof SECTIONS)[number];

/** The sections that have floors; the others ask how cost grows with context and batch. */
export const FLOOR_SECTIONS: readonly Section[] = ['decode', 'prefill', 'batch16'];

export interface Task {
  section: Section;
  label: string;
  streams: number;
  /** Tokens of each stream's prompt, and tokens decoded after it. */
  prompt: number;
  steps: number;
  /** Round 0, 1, 2 ... A prompt whose forward is timed is a new one each round, so that no cache can know it. */
  request(round: number): Request;
}

export interface TaskOptions {
  vocabSize: number;
  /** The model's longest context. */
  contextLength: number;
  quick: boolean;
}

const PROMPT = 128;
const PREFILL = 512;
const STREAM_PROMPT = 64;
const CONTEXTS = [0, 2048, 8192] as const;
const BATCHES = [1, 2, 4, 8, 16, 32] as const;
/** Ids below are control tokens in most vocabularies. */
const FIRST_ID = 256;

export function makeTasks(section: Section, options: TaskOptions): Task[] {
  switch (section) {
    case 'decode':
      return [decodeTask(section, 'decode, 1 stream', PROMPT, options.quick ? 64 : 128, options)];
    case 'prefill':
      return [prefillTask(options)];
    case 'batch16':
      return [batchTask(section, '16 streams together', 16, options)];
    case 'context':
      return CONTEXTS.filter((context) => !options.quick || context <= 2048).map((context) => {
        const steps = options.quick ? 16 : 32;
        // The longest context leaves room for what is decoded in it.
        const prompt = Math.max(1, Math.min(context, options.contextLength - steps - 1));
        return decodeTask(
          section,
          `decode after ${prompt} ${prompt === 1 ? 'token' : 'tokens'}`,
          prompt,
          steps,
          options,
        );
      });
    case 'batch':
      return BATCHES.filter((streams) => !options.quick || streams <= 16).map((streams) =>
        batchTask(section, `${streams} ${streams === 1 ? 'stream' : 'streams'}`, streams, options),
      );
  }
}

/** Positions that the longest sequence of the tasks takes. */
export const longestSequence = (tasks: readonly Task[]): number =>
  Math.max(...tasks.map((task) => task.prompt + task.steps));

function decodeTask(section: Section, label: string, prompt: number, steps: number, options: TaskOptions): Task {
  const tokens = randomTokens(prompt, options.vocabSize, prompt);
  return { section, label, streams: 1, prompt, steps, request: () => ({ op: 'decode', tokens, steps }) };
}

function prefillTask({ vocabSize }: TaskOptions): Task {
  return {
    section: 'prefill',
    label: `prefill ${PREFILL}`,
    streams: 1,
    prompt: PREFILL,
    steps: 0,
    request: (round) => ({ op: 'prefill', tokens: randomTokens(PREFILL, vocabSize, 1000 + round) }),
  };
}

function batchTask(section: Section, label: string, streams: number, options: TaskOptions): Task {
  const steps = options.quick ? 16 : 48;
  const prompts = Array.from({ length: streams }, (_, i) => randomTokens(STREAM_PROMPT, options.vocabSize, 2000 + i));
  return { section, label, streams, prompt: STREAM_PROMPT, steps, request: () => ({ op: 'batch', prompts, steps }) };
}

/** Ids from a linear congruential generator (the constants of Numerical Recipes): the same on every machine. */
export function randomTokens(count: number, vocabSize: number, seed: number): number[] {
  let state = (seed * 2_654_435_761) >>> 0;
  return Array.from({ length: count }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return FIRST_ID + Math.floor((state / 2 ** 32) * (vocabSize - FIRST_ID));
  });
}
