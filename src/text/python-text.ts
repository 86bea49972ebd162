// Values of a template as text, the way Python's str() and repr() write them: templates come from there. Pure.

/** A value of the template language. */
export interface Value {
  readonly type: string;
  readonly value: unknown;
  /** Of a dictionary: its keys are the digits of numbers. */
  readonly numbered?: boolean;
}

/** `str(value)`; '' for what is not defined. */
export function pythonText(value: Value): string {
  if (value.type === 'StringValue') return value.value as string;
  return value.type === 'UndefinedValue' ? '' : pythonRepr(value);
}

function pythonRepr(value: Value): string {
  switch (value.type) {
    case 'StringValue':
      return quoted(value.value as string);
    case 'NullValue':
      return 'None';
    case 'BooleanValue':
      return value.value === true ? 'True' : 'False';
    case 'FloatValue':
      return pythonFloat(value.value as number);
    case 'ArrayValue':
      return `[${(value.value as Value[]).map(pythonRepr).join(', ')}]`;
    case 'ObjectValue': {
      const entries = [...(value.value as Map<string, Value>)];
      const written = (key: string) => (value.numbered ? key : quoted(key));
      return `{${entries.map(([key, item]) => `${written(key)}: ${pythonRepr(item)}`).join(', ')}}`;
    }
    case 'UndefinedValue':
      return 'Undefined';
    default:
      return String(value);
  }
}

const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };
/** What Python does not print as it is; the shield of control-tokens.ts is taken out later, so it stays. */
const UNPRINTABLE = /(?!\uFDD0)[\\\p{C}\p{Z}]/gu;

function quoted(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const escaped = text.replace(UNPRINTABLE, (character) => {
    if (character === ' ') return character;
    const code = character.codePointAt(0) ?? 0;
    const hex = (digits: number) => code.toString(16).padStart(digits, '0');
    return ESCAPES[character] ?? (code < 0x100 ? `\\x${hex(2)}` : code < 0x10000 ? `\\u${hex(4)}` : `\\U${hex(8)}`);
  });
  return quote + (quote === "'" ? escaped.replaceAll("'", "\\'") : escaped) + quote;
}

/** The digits of JavaScript, which are Python's too, with a point, and an exponent where Python writes one. */
function pythonFloat(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'nan' : value < 0 ? '-inf' : 'inf';
  const [digits = '', exponent = '0'] = value.toExponential().split('e');
  const power = Number(exponent);
  if (power < -4 || power >= 16) return `${digits}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`;
  if (Object.is(value, -0)) return '-0.0';
  const plain = power < 0 ? value.toFixed(digits.replace(/[-.]/gu, '').length - 1 - power) : String(value);
  return plain.includes('.') ? plain : `${plain}.0`;
}
