// Colours, where the stream is a terminal that wants them.
import { styleText } from 'node:util';

type Format = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';

export type Style = Record<Format, (text: string) => string>;

export interface Terminal {
  isTTY?: boolean;
}

/** By https://no-color.org, any NO_COLOR that is not empty turns colours off. */
export function styleFor(stream: Terminal, env: NodeJS.ProcessEnv = process.env): Style {
  const colours = stream.isTTY === true && !env.NO_COLOR && env.TERM !== 'dumb';
  const apply = (format: Format) => (text: string) =>
    colours ? styleText(format, text, { validateStream: false }) : text;
  return {
    bold: apply('bold'),
    dim: apply('dim'),
    red: apply('red'),
    green: apply('green'),
    yellow: apply('yellow'),
    cyan: apply('cyan'),
  };
}
