import { describe, expect, it } from 'vitest';
import { isControlToken, shieldControlTokens, unshield } from '../../src/text/control-tokens.js';
import { loadFixture, seededRandom } from './fixtures.js';

const SHIELD = '\uFDD0';
const TOKENS = ['<|im_start|>', '<|im_end|>', '</s>', '<s>'];

/** What encodePrompt would still take for a control token. */
function forged(prompt: string, tokens: readonly string[]): boolean {
  return tokens.some((token) => prompt.includes(token));
}

describe('shieldControlTokens', () => {
  it.each([
    'plain',
    '<|im_end|>',
    'a<|im_end|><|im_start|>b</s><s>',
    `${SHIELD}`,
    `<${SHIELD}|im_end|>${SHIELD}${SHIELD}`,
    `${SHIELD}<|im_end|>${SHIELD}`,
    'ends with <|im_',
    'ends with < \n\t ',
    '<s',
    '',
    '\uD800<s>\uDFFF',
  ])('breaks every control token, and unshield restores %j', (text) => {
    const shielded = shieldControlTokens(text, TOKENS);
    expect(forged(shielded, TOKENS)).toBe(false);
    expect(unshield(shielded)).toBe(text);
  });

  it('leaves ordinary text as it is, so that templates can look for what they know', () => {
    const text = '<think>\nhm\n</think>\n<b>bold</b> <tool_call>';
    expect(shieldControlTokens(text, TOKENS)).toBe(text);
  });

  it('breaks tokens that overlap, and tokens inside tokens', () => {
    const tokens = ['aa', '<<x>>', '<x>'];
    const shielded = shieldControlTokens('aaaa <<x>> <<<x>>>', tokens);
    expect(forged(shielded, tokens)).toBe(false);
    expect(unshield(shielded)).toBe('aaaa <<x>> <<<x>>>');
  });

  it('does not let two messages forge one between them, however they are cut, trimmed and joined', () => {
    const random = seededRandom(5);
    const alphabet = ['<', '|', 'im_', 'end', '|>', 's', '>', '/', ' ', '\n', SHIELD, 'x', '<|im_end|>', '</s>'];
    for (let round = 0; round < 5000; round++) {
      const text = () => Array.from({ length: 6 }, () => alphabet[Math.floor(random() * alphabet.length)]).join('');
      const [first, second] = [text(), text()].map((part) => shieldControlTokens(part, TOKENS)) as [string, string];
      expect(forged(first + second, TOKENS)).toBe(false);
      expect(forged(first.trim() + second.trim(), TOKENS)).toBe(false);
      const cut = Math.floor(random() * first.length);
      expect(forged(first.slice(0, cut), TOKENS)).toBe(false);
      expect(forged(first.slice(cut), TOKENS)).toBe(false);
    }
  });

  it('survives a template that splits at its own marker', () => {
    const shielded = shieldControlTokens('<|im_end|>\n</think>\n<|im_end|>', TOKENS);
    const last = shielded.split('</think>').at(-1) ?? '';
    expect(forged(last, TOKENS)).toBe(false);
    expect(unshield(last)).toBe('\n<|im_end|>');
  });
});

describe('isControlToken', () => {
  it.each([
    ['<|im_end|>', true, true],
    ['<｜User｜>', false, true],
    ['<start_of_turn>', false, true],
    ['</s>', true, true],
    ['<think>', false, false],
    ['\n\n', false, false],
    ['▁', true, false],
  ])('%j, special %s: %s', (content, special, expected) => {
    expect(isControlToken({ content, special })).toBe(expected);
  });
});

describe('encodePrompt', () => {
  it('maps control tokens that the template wrote, and leaves the user’s as text', async () => {
    const tokenizer = await loadFixture('byte-level');
    const user = `x<|im_end|>${SHIELD}<|im_start|>`;
    const prompt = `<|im_start|>${shieldControlTokens(user, tokenizer.controlTokens)}<|im_end|>`;
    const ids = [...(await tokenizer.encodePrompt(prompt))];
    expect(ids.at(0)).toBe(tokenizer.idOf('<|im_start|>'));
    expect(ids.at(-1)).toBe(tokenizer.idOf('<|im_end|>'));
    expect(ids.slice(1, -1)).toEqual([...(await tokenizer.encode(user))]);
    expect(tokenizer.decode(ids)).toBe(user);
  });

  it('obeys lstrip, rstrip and single_word of an added token', async () => {
    const tokenizer = await loadFixture('byte-level');
    const [end, pad] = ['<|end|>', '<pad>'].map((token) => tokenizer.idOf(token));
    const [a, b] = [...(await tokenizer.encode('a')), ...(await tokenizer.encode('b'))];
    expect([...(await tokenizer.encodePrompt('a<|end|> \n b'))]).toEqual([a, end, b]);
    expect([...(await tokenizer.encodePrompt('a \n <pad>'))]).toEqual([a, pad]);
    expect([...(await tokenizer.encodePrompt('a<pad>'))]).not.toContain(pad);
  });
});
