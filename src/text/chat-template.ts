// Renders a model's chat template with a budget of steps and text. Pure, and synchronous: a hostile template can still
// use up its budget slowly, so the services run it in a worker with a time-out (services/template-renderer.ts).
import { parse, tokenize } from '@huggingface/jinja';
import { raiseException, range, strftime } from './template-globals.js';
import { TemplateInterpreter, type TemplateLimits } from './template-interpreter.js';
import { RootScope } from './template-values.js';
import { ChatTemplateError } from './types.js';

const TEMPLATE_LIMITS: TemplateLimits = { maxSteps: 2_000_000, maxLength: 4_000_000 };

/** What a template sees, by the names that transformers gives it. */
export interface TemplateContext {
  messages: readonly object[];
  add_generation_prompt: boolean;
  tools?: readonly object[] | null;
  /** `bos_token`, `eos_token` and the like, and what else a template may ask for. */
  [name: string]: unknown;
}

export class ChatTemplate {
  readonly #program: object;

  /** Throws ChatTemplateError `failed` for a template that is not Jinja. */
  constructor(source: string) {
    // Jinja reads every kind of line break as one.
    const lines = source.replace(/\r\n?/gu, '\n');
    try {
      this.#program = parse(tokenize(lines, { lstrip_blocks: true, trim_blocks: true }));
    } catch (error) {
      throw asTemplateError(error, 'is not valid Jinja');
    }
  }

  /** The prompt. Throws ChatTemplateError: `rejected` in the template's own words, else `failed`. */
  render(context: TemplateContext, limits = TEMPLATE_LIMITS): string {
    const variables: Record<string, unknown> = { tools: null, documents: null, ...context, ...globals() };
    const scope = new RootScope();
    for (const [name, value] of Object.entries(variables)) {
      scope.variables.delete(name);
      scope.set(name, value);
    }
    const maxLength = limits.maxLength + lengthOf(variables);
    const interpreter = new TemplateInterpreter(scope, { ...limits, maxLength });
    try {
      return String(interpreter.run(this.#program).value);
    } catch (error) {
      throw asTemplateError(error, 'failed');
    }
  }
}

function globals(): Record<string, unknown> {
  const now = new Date();
  return {
    true: true,
    True: true,
    false: false,
    False: false,
    none: null,
    None: null,
    range,
    raise_exception: raiseException,
    strftime_now: (format: unknown) => strftime(now, format),
  };
}

/** UTF-16 units of all text in a value. */
function lengthOf(value: unknown): number {
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object' || value === null) return 0;
  return Object.values(value).reduce((sum: number, part) => sum + lengthOf(part), 0);
}

function asTemplateError(error: unknown, what: string): ChatTemplateError {
  if (error instanceof ChatTemplateError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new ChatTemplateError('failed', `The model's chat template ${what}: ${message}`, { cause: error });
}
