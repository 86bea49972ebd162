import { describe, expect, it } from 'vitest';
import { StopMatcher } from '../../src/text/stop.js';
import { seededRandom } from './fixtures.js';

/** The whole text searched with `indexOf`: the stop string that begins first wins. */
function reference(text: string, stops: readonly string[]): string {
  const found = stops.filter((stop) => stop !== '').map((stop) => text.indexOf(stop));
  const hits = found.filter((at) => at >= 0);
  return hits.length === 0 ? text : text.slice(0, Math.min(...hits));
}

function run(chunks: readonly string[], stops: readonly string[]): { output: string; stopped: boolean } {
  const matcher = new StopMatcher(stops);
  const output = chunks.map((chunk) => matcher.push(chunk)).join('') + matcher.flush();
  return { output, stopped: matcher.stopped };
}

describe('StopMatcher', () => {
  it('finds what indexOf finds, for any text, stops and cutting', () => {
    const random = seededRandom(3);
    const below = (n: number) => Math.floor(random() * n);
    const word = (alphabet: string, max: number) =>
      Array.from({ length: below(max + 1) }, () => alphabet[below(alphabet.length)]).join('');
    for (let round = 0; round < 20_000; round++) {
      const alphabet = round % 2 === 0 ? 'ab' : 'abc\n';
      const text = word(alphabet, 30);
      const stops = Array.from({ length: below(5) }, () => word(alphabet, 6));
      const chunks: string[] = [];
      for (let at = 0; at < text.length; ) {
        const size = below(5);
        chunks.push(text.slice(at, at + size));
        at += size;
      }
      const expected = reference(text, stops);
      expect(run(chunks, stops), JSON.stringify({ chunks, stops })).toEqual({
        output: expected,
        stopped: expected !== text,
      });
    }
  });

  it('holds back only what may become a stop string', () => {
    const matcher = new StopMatcher(['<|end|>', 'STOP']);
    expect(matcher.push('hello <')).toBe('hello ');
    expect(matcher.push('|en')).toBe('');
    expect(matcher.push('tity')).toBe('<|entity');
    expect(matcher.push(' ST')).toBe(' ');
    expect(matcher.push('AR')).toBe('STAR');
    expect(matcher.push('x<|end|>more')).toBe('x');
    expect(matcher.stopped).toBe(true);
    expect(matcher.push('more') + matcher.flush()).toBe('');
  });

  it('gives at the end what it held back', () => {
    const matcher = new StopMatcher(['abc']);
    expect(matcher.push('xab')).toBe('x');
    expect(matcher.flush()).toBe('ab');
    expect(matcher.stopped).toBe(false);
  });

  it('waits for a longer stop string that began earlier, and settles for the shorter', () => {
    expect(run(['ab', 'c', 'd'], ['abcd', 'c'])).toEqual({ output: '', stopped: true });
    expect(run(['ab', 'c', 'x'], ['abcd', 'c'])).toEqual({ output: 'ab', stopped: true });
    expect(run(['ab', 'c'], ['abcd', 'c'])).toEqual({ output: 'ab', stopped: true });
  });

  it('passes everything on without stop strings; an empty one is none', () => {
    expect(run(['a', '', 'b'], [])).toEqual({ output: 'ab', stopped: false });
    expect(run(['a', 'b'], [''])).toEqual({ output: 'ab', stopped: false });
  });

  it('does not cut a pair of surrogates', () => {
    expect(run(['x🙂', '🙃'], ['🙃'])).toEqual({ output: 'x🙂', stopped: true });
  });

  it('is linear in hostile text', () => {
    const stop = `${'a'.repeat(5000)}b`;
    const matcher = new StopMatcher([stop, `${'a'.repeat(4999)}c`]);
    let length = 0;
    for (let i = 0; i < 100; i++) length += matcher.push('a'.repeat(1000)).length;
    expect(length).toBe(95_000);
    expect(matcher.push('b')).toBe('');
    expect(matcher.stopped).toBe(true);
  });
});
