// Renders a model's chat template with a budget of steps and text. Pure, and synchronous: a hostile template can still
// use up its budget slowly, so the services run it in a worker with a time-out (services/template-renderer.ts).
import { Environment, Interpreter, parse, tokenize } from '@huggingface/jinja';
import { raiseException, range, strftime } from './template-globals.js';
import { ChatTemplateError } from './types.js';

export interface TemplateLimits {
  /** Nodes of the template evaluated, and ten for each item that a loop goes over. */
  maxSteps: number;
  /** UTF-16 units in any one text, beside those of the input. */
  maxLength: number;
}

export const TEMPLATE_LIMITS: TemplateLimits = { maxSteps: 2_000_000, maxLength: 4_000_000 };

/** The library makes a scope for each item before the loop's body is evaluated. */
const STEPS_PER_ITEM = 10;

/** What a template sees, by the names that transformers gives it. */
export interface TemplateContext {
  messages: readonly object[];
  add_generation_prompt: boolean;
  tools?: readonly object[] | null;
  /** `bos_token`, `eos_token` and the like, and what else a template may ask for. */
  [name: string]: unknown;
}

/** A value of the template language. */
interface Value {
  readonly value: unknown;
}

/** A node of the parsed template; a loop has an iterable, `lhs` of which is the list when it has an `if`. */
interface Node {
  readonly type: string;
  readonly iterable?: Node;
  readonly lhs?: Node;
}

interface Scope {
  readonly variables: Map<string, Value>;
  set(name: string, value: unknown): Value;
}

// The library's own declarations do not resolve under NodeNext: they import without a file extension.
const BaseInterpreter = Interpreter as unknown as new (
  scope: Scope,
) => {
  run(program: object): Value;
  evaluate(node: Node | undefined, scope: Scope): Value;
};
const RootScope = Environment as unknown as new () => Scope;

export class ChatTemplate {
  readonly #program: object;

  /** Throws ChatTemplateError `failed` for a template that is not Jinja. */
  constructor(source: string) {
    try {
      this.#program = parse(tokenize(source, { lstrip_blocks: true, trim_blocks: true }));
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
    const interpreter = new LimitedInterpreter(scope, { ...limits, maxLength });
    try {
      return String(interpreter.run(this.#program).value);
    } catch (error) {
      throw asTemplateError(error, 'failed');
    }
  }
}

class LimitedInterpreter extends BaseInterpreter {
  readonly #limits: TemplateLimits;
  readonly #iterables = new WeakSet<Node>();
  #steps = 0;

  constructor(scope: Scope, limits: TemplateLimits) {
    super(scope);
    this.#limits = limits;
  }

  override evaluate(node: Node | undefined, scope: Scope): Value {
    this.#spend(1);
    if (node?.type === 'For' && node.iterable) this.#iterables.add(node.iterable.lhs ?? node.iterable);
    const result = super.evaluate(node, scope);
    const { value } = result;
    if ((typeof value === 'string' || Array.isArray(value)) && value.length > this.#limits.maxLength) {
      throw overLimit(`makes more than ${this.#limits.maxLength} characters or items`);
    }
    if (Array.isArray(value) && node && this.#iterables.has(node)) this.#spend(STEPS_PER_ITEM * value.length);
    return result;
  }

  #spend(steps: number): void {
    this.#steps += steps;
    if (this.#steps > this.#limits.maxSteps) throw overLimit(`takes more than ${this.#limits.maxSteps} steps`);
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

function overLimit(what: string): ChatTemplateError {
  return new ChatTemplateError('failed', `The model's chat template ${what}.`);
}

function asTemplateError(error: unknown, what: string): ChatTemplateError {
  if (error instanceof ChatTemplateError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new ChatTemplateError('failed', `The model's chat template ${what}: ${message}`, { cause: error });
}
