// OpenAI's harmony format of the gpt-oss models: a reply is messages, each with a header that names its channel and, for
// a call, its recipient. `analysis` is reasoning, `commentary` to a function a call, all else text. Pure.
import type { PartReader, Reading, TextSource } from '../text-source.js';

const START = '<|start|>';
const CHANNEL = '<|channel|>';
const MESSAGE = '<|message|>';
const CONSTRAIN = '<|constrain|>';
const ENDS = ['<|end|>', '<|call|>', '<|return|>'];

export const harmonyMarkers = [START, CHANNEL, MESSAGE, CONSTRAIN, ...ENDS];

/** Where there are tools, the model says itself whether it calls or answers. */
export function harmonyEndOfThought(hasTools: boolean): string {
  return `<|end|>${START}assistant${hasTools ? '' : `${CHANNEL}final${MESSAGE}`}`;
}

/** A call is text when the request offered no tools. */
export function harmonyReply(hasTools: boolean): PartReader {
  return function* read(source, out) {
    // The prompt ends in `<|start|>assistant`: a reply may begin with the rest of that header.
    source.mark();
    yield* source.space();
    let inHeader = (yield* source.at(['to='])) !== undefined;
    if (!inHeader) out.text(source.sinceMark());
    source.unmark();
    for (;;) {
      if (!inHeader && (yield* source.upTo([START, CHANNEL], (text) => out.text(text))) === undefined) return;
      inHeader = false;
      const { channel, recipient } = yield* readHeader(source);
      out.boundary();
      let emit = (text: string) => out.text(text);
      if (recipient !== undefined && hasTools) {
        out.beginCall(recipient);
        emit = (text) => out.args(text);
      } else if (channel === 'analysis') {
        out.thinking = true;
        emit = (text) => out.reasoning(text);
      }
      const end = yield* source.upTo([...ENDS, START, CHANNEL], emit);
      out.thinking = false;
      out.boundary();
      if (end !== undefined && ENDS.includes(end)) yield* source.skip(end);
    }
  };
}

/** `<|start|>assistant to=functions.f<|channel|>commentary <|constrain|>json<|message|>`, the recipient in either part. */
function* readHeader(source: TextSource): Reading<{ channel: string | undefined; recipient: string | undefined }> {
  const { text } = yield* source.textUpTo(MESSAGE, ...ENDS);
  yield* source.skip(MESSAGE);
  const after = text.split(CHANNEL).at(-1) ?? '';
  const recipient = /\bto=(?:functions\.)?([^\s<]+)/u.exec(text)?.[1];
  return { channel: /^\w+/u.exec(after)?.[0], recipient };
}
