// Building blocks of the request schemas: numbers with bounds, refusals from the catalogue. What a failed schema says to the
// client is in validation-errors.ts.
import { z } from 'zod';
import { type ApiError, apiErrors } from './openai-errors.js';

// zod does not tell an integer field from a decimal one in its issues, OpenAI's wording does: the issue's message carries it.
export const INTEGER = 'an integer';
export const DECIMAL = 'a decimal number';

export function integer(minimum: number, maximum: number) {
  return z.int(INTEGER).min(minimum, INTEGER).max(maximum, INTEGER);
}

export function decimal(minimum: number, maximum: number) {
  return z.number(DECIMAL).min(minimum, DECIMAL).max(maximum, DECIMAL);
}

/** Reports an error of the catalogue from inside a schema; `makeError` gets the path of the refused value. */
export function refuse(
  context: z.core.$RefinementCtx,
  makeError: (param: string) => ApiError,
  path: PropertyKey[] = [],
): void {
  context.addIssue({ code: 'custom', path, params: { makeError } });
}

/** A parameter that this server knows and cannot honour: absent, null and neutral values pass, all others are refused. */
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
