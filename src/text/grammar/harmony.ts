// Replies in OpenAI's harmony format as a grammar: thoughts in the channel `analysis`, then the answer in `final` or a
// call in `commentary`. The prompt ends in `<|start|>assistant`. Pure.
import type { GrammarTool } from './calls.js';
import { contentExpression } from './content.js';
import { ANY_TEXT, type ControlTokens, json, oneOf, RuleBook } from './lark.js';
import type { ReplyDemand } from './reply-grammar.js';

/** A call ends the reply: this format has one at a time. */
export function harmonyGrammar(tokens: ControlTokens, { text, calls }: ReplyDemand): string {
  const book = new RuleBook(tokens);
  const next = book.text('<|end|><|start|>assistant');
  const thought = `${book.text('<|channel|>analysis<|message|>')} ${ANY_TEXT} ${next}`;
  const preamble = `${book.text('<|channel|>commentary<|message|>')} ${ANY_TEXT} ${next}`;
  const content = text ? contentExpression(text) : ANY_TEXT;
  const answer = `${book.text('<|channel|>final<|message|>')} ${content}`;
  const answers = calls?.required ? [] : [answer];
  const made = calls ? calls.tools.map((tool) => callExpression(book, tool)) : [];
  return book.build(`(${thought} | ${preamble})* ${oneOf([...answers, ...made])}`);
}

/** The recipient stands in either part of the header. */
function callExpression(book: RuleBook, { name, schema }: GrammarTool): string {
  const inFront = book.text(` to=functions.${name}<|channel|>commentary`);
  const after = book.text(`<|channel|>commentary to=functions.${name}`);
  const header = `(${inFront} | ${after}) (" "? ${book.text('<|constrain|>json')})? ${book.text('<|message|>')}`;
  return `${header} ${json(schema)}`;
}
