// Runs parsers over a reply cut in every way, and puts the parts together as a client would.
import type { ReplyParser, ReplyPart } from '../../../src/text/reply-parts.js';
import { seededRandom } from '../fixtures.js';

export interface Assembled {
  text: string;
  reasoning: string;
  calls: { name: string; arguments: string; id?: string }[];
}

/** Parts to what a client holds in the end; throws when an index skips or arguments have no call. */
export function assemble(parts: readonly ReplyPart[]): Assembled {
  const whole: Assembled = { text: '', reasoning: '', calls: [] };
  for (const part of parts) {
    if (part.type === 'text') whole.text += part.text;
    else if (part.type === 'reasoning') whole.reasoning += part.text;
    else if (part.type === 'tool-call') {
      if (part.index !== whole.calls.length) throw new Error(`call ${part.index} after ${whole.calls.length}`);
      whole.calls.push({ name: part.name, arguments: '', ...(part.id === undefined ? {} : { id: part.id }) });
    } else {
      const call = whole.calls[part.index];
      if (call === undefined || part.index !== whole.calls.length - 1) throw new Error('arguments without their call');
      call.arguments += part.text;
    }
  }
  return whole;
}

export function parse(parser: ReplyParser | undefined, pieces: readonly string[]): Assembled {
  if (parser === undefined) return { text: pieces.join(''), reasoning: '', calls: [] };
  return assemble([...pieces.flatMap((piece) => parser.push(piece)), ...parser.flush()]);
}

/** The text in pieces of 1, 2, ... characters up to the whole, in two pieces at every place, and at random. */
export function* everySplit(text: string): Generator<string[]> {
  const characters = [...text];
  const join = (start: number, end: number) => characters.slice(start, end).join('');
  const sizes = [1, 2, 3, 4, 5, 7, 11, 16, 23, 64, characters.length];
  for (const size of sizes) {
    yield Array.from({ length: Math.ceil(characters.length / size) }, (_, i) => join(i * size, (i + 1) * size));
  }
  for (let at = 1; at < characters.length; at++) yield [join(0, at), join(at, characters.length)];
  const random = seededRandom(characters.length);
  for (let round = 0; round < 20; round++) {
    const pieces: string[] = [];
    for (let at = 0; at < characters.length; ) {
      const size = 1 + Math.floor(random() * 12);
      pieces.push(join(at, at + size));
      at += size;
    }
    yield pieces;
  }
}
