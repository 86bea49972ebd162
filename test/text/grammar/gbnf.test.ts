// Grammars in GBNF: the translation is the one that the C++ tests hold to its texts, and what is wrong has its place.
import { describe, expect, it } from 'vitest';
import { GbnfError, toLark } from '../../../src/text/grammar/gbnf.js';
import { type GbnfCase, readCases } from './cases.js';

describe('a grammar in GBNF', () => {
  it.each(readCases<GbnfCase>('gbnf.json').map((one) => [one.name, one] as const))('%s', (_, { source, grammar }) => {
    expect(toLark(source)).toBe(grammar);
    expect(toLark(source.replaceAll('\n', '\r\n'))).toBe(grammar);
  });

  it('is told from one in Lark', () => {
    const lark = 'start: item+\nitem: "::=" /[a-z]+/\n';
    expect(toLark(lark)).toBe(lark);
  });

  it.each([
    ['root ::= "a', 'line 1, column 10: this text is not closed'],
    ['root ::= [a', "line 1, column 10: this '[' is not closed"],
    ['root ::= []', 'line 1, column 10: these brackets are empty'],
    ['root ::= ("a"\n', "line 1, column 10: this '(' is not closed"],
    ['root ::= "a")', 'line 1, column 13: expected the name of a rule'],
    ['root ::= "\\q"', 'line 1, column 11: this escape means nothing here'],
    ['root ::= "\\ud800"', 'line 1, column 11: this escape is no character'],
    ['root ::= "a"{2,1}', 'line 1, column 13: this repetition ends before it begins'],
    ['root ::= "a"{x}', "line 1, column 13: expected a repetition as in '{2}', '{2,}' or '{2,4}'"],
    ['root ::= "a"{9999}', 'line 1, column 13: at most 4096 repetitions are supported'],
    ['root ::= "a"\nroot ::= "b"', "line 2, column 1: the rule 'root' is there already"],
    ['root ::= "a" x\nb ::= "c"', "line 1, column 14: there is no rule 'x'"],
    ['a ::= "b"', "line 1, column 1: there is no rule 'root'"],
    ['root ::= "a"\n\nb = "c"', "line 3, column 3: expected '::='"],
    ['root ::= <think>', "line 1, column 10: unexpected '<'"],
    [`root ::= ${'('.repeat(65)}`, 'line 1, column 75: groups are nested more than 64 deep'],
  ])('%j is refused', (source, message) => {
    expect(() => toLark(source)).toThrow(GbnfError);
    expect(() => toLark(source)).toThrow(message);
  });

  it('of thousands of rules, each twice in the one before, is no burden', () => {
    const rules = Array.from({ length: 3000 }, (_, index) => `r${index} ::= r${index + 1} | r${index + 1}\n`);
    const all = `${rules.join('')}r3000 ::= "b"`;
    expect(toLark(`root ::= r0\n${all}`)).toContain('start: R0');
    expect(toLark(`root ::= r0 | "(" root ")"\n${all}`)).toContain('start: r0');
  });
});
