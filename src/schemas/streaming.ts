// Fields on the end of a reply and on its stream that the OpenAI-style routes share.
import { z } from 'zod';
import { listOf } from './fields.js';

const MAX_STOPS = 4;
const MAX_STOP_LENGTH = 1024;

const stopString = z.string().min(1).max(MAX_STOP_LENGTH);

export const stopStrings = z.union([stopString, listOf(stopString, { maximum: MAX_STOPS })]).nullish();

export const obfuscation = z.string().describe('Random text, with `stream_options.include_obfuscation`.');

export const streamOptions = z
  .object({
    include_usage: z.boolean().nullish(),
    include_obfuscation: z.boolean().nullish().describe('Default: false.'),
  })
  .nullish();
