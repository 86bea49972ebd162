// What a failed request schema says to the client: a ZodError becomes the one error of the catalogue that OpenAI would
// answer with.
import type { z } from 'zod';
import { DECIMAL, INTEGER } from './fields.js';
import { ApiError, apiErrors } from './openai-errors.js';

type Issue = z.core.$ZodIssue;

/** The first thing that is wrong, as OpenAI would say it. The schema must have been run with `reportInput`. */
export function fromZodError(error: z.ZodError): ApiError {
  const first = error.issues[0];
  // A number may break two bounds at once, the safe integers' and its own; its own comes last and is the tighter.
  const issue = error.issues.findLast(({ code, path }) => code === first?.code && path.join() === first.path.join());
  return issue ? issueError(issue, issue.path) : apiErrors.unparsableBody();
}

function issueError(issue: Issue, path: readonly PropertyKey[]): ApiError {
  if (path.length === 0 && issue.code === 'invalid_type') return apiErrors.unparsableBody();
  const param = formatPath(path);
  switch (issue.code) {
    case 'invalid_type':
      return typeError(param, expectedType(issue), issue.input);
    case 'invalid_value':
      return valueError(param, issue.values, issue.input);
    case 'too_small':
      return tooSmall(param, issue);
    case 'too_big':
      return tooBig(param, issue);
    case 'invalid_union':
      return unionError(param, issue, path);
    case 'unrecognized_keys':
      return apiErrors.unsupportedParameter(formatPath([...path, issue.keys[0] ?? '']));
    case 'custom':
      return customError(param, issue);
    default:
      return apiErrors.invalidType(param, 'another value', describe(issue.input));
  }
}

function typeError(param: string, expected: string, input: unknown): ApiError {
  if (input === undefined) return apiErrors.missingParameter(param);
  return apiErrors.invalidType(param, expected, describe(input));
}

function valueError(param: string, values: readonly unknown[], input: unknown): ApiError {
  if (typeof input === 'string') return apiErrors.invalidValue(param, input, values);
  return typeError(param, `one of ${values.map((value) => `'${String(value)}'`).join(', ')}`, input);
}

function tooSmall(param: string, issue: z.core.$ZodIssueTooSmall): ApiError {
  if (issue.origin === 'array') return apiErrors.emptyArray(param);
  if (issue.origin === 'string') return apiErrors.emptyString(param);
  return apiErrors.belowMinimum(param, numberKind(issue), Number(issue.minimum), issue.input);
}

function tooBig(param: string, issue: z.core.$ZodIssueTooBig): ApiError {
  const maximum = Number(issue.maximum);
  const length = (issue.input as { length?: number } | undefined)?.length ?? 0;
  if (issue.origin === 'array') return apiErrors.arrayTooLong(param, maximum, length);
  if (issue.origin === 'string') return apiErrors.stringTooLong(param, maximum, length);
  return apiErrors.aboveMaximum(param, numberKind(issue), maximum, issue.input);
}

/** The branch that took the value's type knows what is wrong inside it; without one, all branches' types are named. */
function unionError(param: string, issue: z.core.$ZodIssueInvalidUnion, path: readonly PropertyKey[]): ApiError {
  if ('options' in issue && issue.discriminator !== undefined) {
    const input = issue.input as Record<string, unknown>;
    return valueError(param, issue.options as unknown[], input[issue.discriminator]);
  }
  const firsts = issue.errors.flatMap((branch) => branch.slice(0, 1));
  const inside = firsts.find((first) => first.path.length > 0) ?? firsts.find((first) => first.code !== 'invalid_type');
  if (inside) return issueError(inside, [...path, ...inside.path]);
  const expected = firsts.map((first) => (first.code === 'invalid_type' ? expectedType(first) : 'another value'));
  return typeError(param, `one of ${expected.join(' or ')}`, issue.input);
}

function customError(param: string, issue: z.core.$ZodIssueCustom): ApiError {
  const makeError: unknown = issue.params?.makeError;
  const error: unknown = typeof makeError === 'function' ? makeError(param) : undefined;
  return error instanceof ApiError ? error : apiErrors.unsupportedParameter(param);
}

function numberKind(issue: Issue): 'integer' | 'decimal' {
  return issue.message === INTEGER ? 'integer' : 'decimal';
}

function expectedType(issue: z.core.$ZodIssueInvalidType): string {
  if (issue.message === INTEGER || issue.message === DECIMAL) return issue.message;
  const expected = issue.expected === 'record' ? 'object' : issue.expected;
  return `${/^[aeiou]/.test(expected) ? 'an' : 'a'} ${expected}`;
}

function describe(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) return 'a number too large to represent';
    return Number.isInteger(value) ? INTEGER : DECIMAL;
  }
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

/** `messages[0].content[1].type` */
export function formatPath(path: readonly PropertyKey[]): string {
  return path
    .map((key, index) => (typeof key === 'number' ? `[${key}]` : `${index === 0 ? '' : '.'}${String(key)}`))
    .join('');
}
