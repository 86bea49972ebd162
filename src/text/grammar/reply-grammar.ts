// The grammar of a whole reply: thoughts, which are free, then the text or the calls that the request demands. Pure.
import type { ThinkTags } from '../reasoning.js';
import type { ReplyFormat } from '../reply-format.js';
import { callLayout, callsExpression, type GrammarTool } from './calls.js';
import { contentExpression, contentGrammar, type TextConstraint } from './content.js';
import { harmonyGrammar } from './harmony.js';
import { ANY_TEXT, type ControlTokens, oneOf, RuleBook, SPACE } from './lark.js';

export interface ReplyDemand {
  /** Of the text; absent: any. */
  text?: TextConstraint;
  /** The calls that the reply may make, or must; absent where calls are not held to anything. */
  calls?: { tools: readonly GrammarTool[]; required: boolean; parallel: boolean };
}

export interface ReplyModel {
  format: ReplyFormat;
  tokens: ControlTokens;
}

/** `thinking`: the prompt ends inside the tag that opens a thought. Undefined for a reply that may be anything. */
export function replyGrammar(
  { format, tokens }: ReplyModel,
  demand: ReplyDemand,
  thinking: boolean,
): string | undefined {
  const { text, calls } = demand;
  if (!text && !calls) return undefined;
  const { toolCalls, thinkTags } = format;
  if (toolCalls === 'harmony') return harmonyGrammar(tokens, demand);
  if (text && !calls && !thinkTags) return contentGrammar(text);
  const book = new RuleBook(tokens);
  const thoughts = thinkTags ? thoughtsExpression(book, thinkTags, thinking) : '';
  return book.build(`${thoughts} ${answerExpression(book, { format, tokens }, demand)}`);
}

function thoughtsExpression(book: RuleBook, { open, close }: ThinkTags, thinking: boolean): string {
  const rest = `${book.upTo(close)} ${SPACE}`;
  return thinking ? rest : `(${book.text(open)} ${rest})?`;
}

function answerExpression(book: RuleBook, { format, tokens }: ReplyModel, { text, calls }: ReplyDemand): string {
  const content = text && contentExpression(text);
  if (!calls) return content ?? ANY_TEXT;
  const layout = callLayout(format.toolCalls as Exclude<typeof format.toolCalls, 'harmony'>, tokens.controlTokens);
  const rest = callsExpression(book, layout, calls.tools, calls.parallel);
  const whole = layout.open === undefined ? rest : `${book.text(layout.open)} ${rest}`;
  if (calls.required) return whole;
  if (content !== undefined) return oneOf([content, whole]);
  if (layout.open === undefined) return oneOf([whole, `${layout.plain}`, '""']);
  return oneOf([`${book.upTo(layout.open)} ${rest}`, ANY_TEXT]);
}
