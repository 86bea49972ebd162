// Keeps user text from forging control tokens: a shield character breaks their text before templating and is taken out
// again when the rendered prompt is encoded. Pure.

/** A Unicode noncharacter: no font, keyboard or interchange uses it, and no template trims or escapes it. */
const SHIELD = '\uFDD0';
const SHIELDS = /\uFDD0(\uFDD0?)/gu;

/** Chat markers that some tokenizer.json files do not flag as special. */
const MARKER = /^<[|｜].*[|｜]>$|^<(?:start|end)_of_turn>$/su;

/** What shielding needs to know of a list of control tokens; made once a list. */
interface TokenStarts {
  /** The first code point of each token in a text, overlapping ones included. */
  pattern: RegExp;
  /** Every proper beginning of a token. */
  beginnings: ReadonlySet<string>;
  longest: number;
}

const startsOfLists = new WeakMap<readonly string[], TokenStarts>();

/** Whether an added token steers the model rather than being text. One code point cannot be broken, so it is text. */
export function isControlToken(token: { content: string; special: boolean }): boolean {
  return [...token.content].length > 1 && (token.special || MARKER.test(token.content));
}

/** A regular expression's source for exact texts, of which it takes the longest at each place. */
export function exactTexts(texts: readonly string[]): string {
  const longestFirst = [...texts].sort((a, b) => b.length - a.length);
  return longestFirst.map((text) => text.replace(/[\\^$.*+?()[\]{}|/]/gu, '\\$&')).join('|');
}

/**
 * Makes `text` safe to put into a template. Each control token in it is broken after its first code point, and so is
 * the beginning of one at the end of the text, which the next message could complete. A shield character that the text
 * holds itself is doubled, so that `unshield` gives back exactly `text`.
 */
export function shieldControlTokens(text: string, controlTokens: readonly string[]): string {
  const doubled = text.replaceAll(SHIELD, SHIELD + SHIELD);
  if (controlTokens.length === 0) return doubled;
  const starts = tokenStarts(controlTokens);
  return breakOpenToken(doubled, starts).replace(starts.pattern, `$&${SHIELD}`);
}

/** Takes the shields out of a part of a rendered prompt. */
export function unshield(text: string): string {
  return text.includes(SHIELD) ? text.replace(SHIELDS, '$1') : text;
}

function tokenStarts(controlTokens: readonly string[]): TokenStarts {
  let starts = startsOfLists.get(controlTokens);
  if (starts === undefined) {
    const beginnings = controlTokens.flatMap((token) =>
      Array.from({ length: token.length - 1 }, (_, i) => token.slice(0, i + 1)),
    );
    starts = {
      pattern: new RegExp(`(?=${exactTexts(controlTokens)}).`, 'gsu'),
      beginnings: new Set(beginnings),
      longest: controlTokens.reduce((max, token) => Math.max(max, token.length), 0),
    };
    startsOfLists.set(controlTokens, starts);
  }
  return starts;
}

/** Breaks what may be a control token's beginning at the end of the text; templates trim the white space after it. */
function breakOpenToken(text: string, { beginnings, longest }: TokenStarts): string {
  const end = text.trimEnd().length;
  let broken = text;
  for (let start = end - 1; start >= Math.max(0, end - longest + 1); start--) {
    if (!beginnings.has(text.slice(start, end))) continue;
    const afterFirst = start + String.fromCodePoint(text.codePointAt(start) ?? 0).length;
    broken = broken.slice(0, afterFirst) + SHIELD + broken.slice(afterFirst);
  }
  return broken;
}
