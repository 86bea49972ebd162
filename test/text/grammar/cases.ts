// The cases of test/fixtures/grammar, and the grammars that are made of them.
import { readFileSync } from 'node:fs';
import { contentGrammar } from '../../../src/text/grammar/content.js';
import type { JsonSchema } from '../../../src/text/grammar/lark.js';
import { type ReplyDemand, replyGrammar } from '../../../src/text/grammar/reply-grammar.js';
import type { ReplyFormat } from '../../../src/text/reply-format.js';

export interface SchemaCase {
  name: string;
  schema: JsonSchema;
  /** JSON texts that fit. */
  valid: string[];
  invalid: string[];
  grammar: string;
}

export interface ReplyCase {
  name: string;
  format: { toolCalls: ReplyFormat['toolCalls']; thinkTags?: ReplyFormat['thinkTags'] };
  thinking: boolean;
  /** Their ids in the tests are those after the 256 bytes. */
  controlTokens: string[];
  demand: ReplyDemand;
  /** Replies that fit, with their calls: name and arguments. */
  accepted: { text: string; calls: [string, unknown][] }[];
  refused: string[];
  grammar: string;
}

export interface GbnfCase {
  name: string;
  source: string;
  valid: string[];
  invalid: string[];
  grammar: string;
}

export function readCases<T>(name: 'schemas.json' | 'replies.json' | 'gbnf.json'): T[] {
  return JSON.parse(readFileSync(new URL(`../../fixtures/grammar/${name}`, import.meta.url), 'utf8')) as T[];
}

export const grammarOfSchema = ({ schema }: Pick<SchemaCase, 'schema'>): string =>
  contentGrammar({ type: 'json', schema });

export function grammarOfReply({ format, controlTokens, demand, thinking }: Omit<ReplyCase, 'grammar'>) {
  const tokens = { controlTokens, idOf: (token: string) => 256 + controlTokens.indexOf(token) };
  return replyGrammar({ format: { thinkTags: undefined, ...format }, tokens }, demand, thinking);
}
