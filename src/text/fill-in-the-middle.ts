// Prompts that ask a code model for the text between two texts: the markers of each family, by its vocabulary. Pure.
import type { Tokenizer } from './types.js';

type Part = 'before' | 'after' | { token: string };

/** In the order in which the model reads them. */
const FORMATS: readonly (readonly Part[])[] = [
  // Qwen2.5-Coder, CodeGemma, Granite 3
  [{ token: '<|fim_prefix|>' }, 'before', { token: '<|fim_suffix|>' }, 'after', { token: '<|fim_middle|>' }],
  // StarCoder, SmolLM, Granite Code
  [{ token: '<fim_prefix>' }, 'before', { token: '<fim_suffix>' }, 'after', { token: '<fim_middle>' }],
  // DeepSeek-Coder
  [{ token: '<｜fim▁begin｜>' }, 'before', { token: '<｜fim▁hole｜>' }, 'after', { token: '<｜fim▁end｜>' }],
  // Codestral
  [{ token: '[SUFFIX]' }, 'after', { token: '[PREFIX]' }, 'before'],
  // CodeLlama
  [{ token: '▁<PRE>' }, 'before', { token: '▁<SUF>' }, 'after', { token: '▁<MID>' }],
];

type Ids = Pick<Tokenizer, 'idOf'>;

/** Whether the model was taught to fill in. */
export function canFillMiddle(tokenizer: Ids): boolean {
  return findFormat(tokenizer) !== undefined;
}

/** The prompt for what comes between; undefined for a model that was not taught to. */
export function fillMiddlePrompt(
  tokenizer: Ids,
  before: Iterable<number>,
  after: Iterable<number>,
): number[] | undefined {
  return findFormat(tokenizer)?.flatMap((part) => {
    if (part === 'before') return [...before];
    if (part === 'after') return [...after];
    return [tokenizer.idOf(part.token) as number];
  });
}

function findFormat(tokenizer: Ids): readonly Part[] | undefined {
  const has = (part: Part) => typeof part === 'string' || tokenizer.idOf(part.token) !== undefined;
  return FORMATS.find((format) => format.every(has));
}
