// What a reply's text may be held to, and the grammar of it. Pure.
import { type JsonSchema, json, oneOf, quoted, regex } from './lark.js';

export type TextConstraint =
  /**
   * JSON that fits a schema that checkSchema has passed. `whitespace` is an expression of what may stand between its parts,
   * '' nothing; default: a space, or a line break with its indent.
   */
  | { type: 'json'; schema: JsonSchema; whitespace?: string }
  /** The whole text matches. */
  | { type: 'regex'; pattern: string }
  /** One of these texts. */
  | { type: 'choice'; choices: readonly string[] }
  /** A grammar in llguidance's dialect of Lark. */
  | { type: 'lark'; grammar: string };

/** The grammar of a text as a part of a rule. */
export function contentExpression(constraint: TextConstraint): string {
  switch (constraint.type) {
    case 'json':
      return json(constraint.schema, constraint.whitespace);
    case 'regex':
      return regex(constraint.pattern);
    case 'choice':
      return oneOf(constraint.choices.map(quoted));
    case 'lark':
      return `%lark {\n${constraint.grammar}\n}`;
  }
}

/** The grammar of a text that is all there is. */
export function contentGrammar(constraint: TextConstraint): string {
  return constraint.type === 'lark' ? constraint.grammar : `start: ${contentExpression(constraint)}\n`;
}
