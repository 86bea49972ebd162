// The functions that a chat template may call, as transformers gives them, each with a limit. Pure but for the clock.
import { ChatTemplateError } from './types.js';

const MAX_RANGE = 10_000;

const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];

export function raiseException(message: unknown): never {
  throw new ChatTemplateError('rejected', String(message));
}

/** Python's `range`, of at most 10 000 numbers. */
export function range(first: unknown, second?: unknown, third?: unknown): number[] {
  const [start, stop, step] = second === undefined ? [0, first, 1] : [first, second, third ?? 1];
  if (![start, stop, step].every(Number.isSafeInteger) || step === 0) {
    throw new ChatTemplateError('failed', 'The chat template calls range() with something other than whole numbers.');
  }
  const [from, to, by] = [start, stop, step] as [number, number, number];
  const length = Math.max(0, Math.ceil((to - from) / by));
  if (length > MAX_RANGE) {
    throw new ChatTemplateError('failed', `The chat template calls range() for more than ${MAX_RANGE} numbers.`);
  }
  return Array.from({ length }, (_, i) => from + i * by);
}

/** Python's `datetime.now().strftime(format)` in the C locale. A directive that it does not know stays as it is. */
export function strftime(date: Date, format: unknown): string {
  const two = (value: number) => String(value).padStart(2, '0');
  const day = DAYS[date.getDay()] ?? '';
  const month = MONTHS[date.getMonth()] ?? '';
  const hour12 = date.getHours() % 12 || 12;
  const directives: Record<string, () => string> = {
    a: () => day.slice(0, 3),
    A: () => day,
    b: () => month.slice(0, 3),
    B: () => month,
    d: () => two(date.getDate()),
    e: () => String(date.getDate()).padStart(2),
    H: () => two(date.getHours()),
    I: () => two(hour12),
    j: () => String(dayOfYear(date)).padStart(3, '0'),
    m: () => two(date.getMonth() + 1),
    M: () => two(date.getMinutes()),
    p: () => (date.getHours() < 12 ? 'AM' : 'PM'),
    S: () => two(date.getSeconds()),
    y: () => two(date.getFullYear() % 100),
    Y: () => String(date.getFullYear()),
    F: () => `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`,
    T: () => `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`,
    '%': () => '%',
  };
  return String(format).replace(/%(-?)([a-zA-Z%])/gu, (whole, unpadded: string, letter: string) => {
    const value = directives[letter]?.();
    if (value === undefined) return whole;
    return unpadded === '' ? value : value.replace(/^[0 ]+(?=.)/u, '');
  });
}

function dayOfYear(date: Date): number {
  const midnight = Date.UTC(date.getFullYear(), date.getMonth(), date.getDate());
  return (midnight - Date.UTC(date.getFullYear(), 0, 0)) / 86_400_000;
}
