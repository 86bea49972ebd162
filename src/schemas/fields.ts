// Building blocks of the request schemas: numbers with bounds, lists, refusals from the catalogue. What a failed
// schema says to the client is in validation-errors.ts.
import { z } from 'zod';
import { showAs } from './json-schema.js';
import { type ApiError, apiErrors } from './openai-errors.js';

// OpenAI's wording tells an integer field from a decimal one, zod's issues do not: the issue's message carries it.
export const INTEGER = 'an integer';
export const DECIMAL = 'a decimal number';

export function integer(minimum: number, maximum: number) {
  return z.int(INTEGER).min(minimum, INTEGER).max(maximum, INTEGER);
}

export const INT32_MAX = 2 ** 31 - 1;

export function decimal(minimum: number, maximum: number) {
  return z.number(DECIMAL).min(minimum, DECIMAL).max(maximum, DECIMAL);
}

interface ListRules<T> {
  minimum?: number;
  maximum?: number;
  /** Whether `item` takes the value as it is: lists of a million are read in milliseconds so, by zod in seconds. */
  fits?: (value: unknown) => value is T;
}

/**
 * An array that stops at its first bad element. zod's own goes on and keeps an issue for each: a body full of them
 * would take more memory than there is.
 */
export function listOf<T>(item: z.ZodType<T>, rules: ListRules<T> = {}) {
  const { minimum = 0, maximum = Number.MAX_SAFE_INTEGER, fits = () => false } = rules;
  let shown = z.array(item).min(minimum);
  if (maximum < Number.MAX_SAFE_INTEGER) shown = shown.max(maximum);
  const array = showAs(z.array(z.unknown()).min(minimum).max(maximum), shown);
  return array.transform((values, context): T[] => {
    const items: T[] = [];
    for (const [index, value] of values.entries()) {
      if (fits(value)) {
        items.push(value);
        continue;
      }
      const result = item.safeParse(value, { reportInput: true });
      if (!result.success) {
        for (const issue of result.error.issues) {
          context.issues.push({ ...issue, path: [index, ...issue.path] } as z.core.$ZodRawIssue);
        }
        return z.NEVER;
      }
      items.push(result.data);
    }
    return items;
  });
}

/** A list of token ids. Whether a model has them is not known here. */
export function tokenIds(rules: { minimum?: number; maximum?: number } = {}) {
  const fits = (value: unknown): value is number =>
    Number.isInteger(value) && (value as number) >= 0 && (value as number) <= INT32_MAX;
  return listOf(integer(0, INT32_MAX), { ...rules, fits });
}

/** Reports an error of the catalogue from inside a schema; `makeError` gets the path of the refused value. */
export function refuse(
  context: z.core.$RefinementCtx,
  makeError: (param: string) => ApiError,
  path: PropertyKey[] = [],
): void {
  context.addIssue({ code: 'custom', path, params: { makeError } });
}

/** A parameter that this server cannot honour: absent, null and neutral values pass, all others are refused. */
export function neutralOnly<T>(
  schema: z.ZodType<T>,
  isNeutral: (value: T) => boolean,
  makeError: (param: string, value: T) => ApiError = apiErrors.unsupportedParameter,
) {
  return schema.nullish().superRefine((value, context) => {
    if (value === null || value === undefined || isNeutral(value)) return;
    refuse(context, (param) => makeError(param, value));
  });
}

/** A parameter of which this server knows nothing but its name. */
export const unsupported = () =>
  neutralOnly(showAs(z.unknown(), z.null().describe('Not supported by this server.')), () => false);

/** Parameters that clients send and that mean nothing to a local server, whatever their values. */
export function ignored<Name extends string>(...names: Name[]): Record<Name, z.ZodOptional<z.ZodUnknown>> {
  const field = z.unknown().optional().describe('Ignored: it means nothing to a local server.');
  return Object.fromEntries(names.map((name) => [name, field])) as Record<Name, typeof field>;
}
