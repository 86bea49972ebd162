// The template language with a budget, and with Python's ways where the library has JavaScript's. Pure.
import { Environment, Interpreter } from '@huggingface/jinja';
import { pythonText, type Value } from './python-text.js';
import { ChatTemplateError } from './types.js';

export interface TemplateLimits {
  /** Nodes of the template evaluated, and ten for each item that a loop goes over. */
  maxSteps: number;
  /** UTF-16 units in any one text, beside those of the input. */
  maxLength: number;
}

/** The library makes a scope for each item before the loop's body is evaluated. */
const STEPS_PER_ITEM = 10;

/** A node of the parsed template; a loop has an iterable, `lhs` of which is the list when it has an `if`. */
interface Node {
  readonly type: string;
  readonly iterable?: Node;
  readonly lhs?: Node;
}

interface BinaryNode extends Node {
  readonly operator: { readonly value: string };
  readonly left: Node;
  readonly right: Node;
}

/** A filter by its name, or called with arguments. */
interface FilterNode extends Node {
  readonly value?: string;
  readonly callee?: { readonly value?: string };
  readonly args?: readonly (Node & { readonly value?: unknown })[];
}

export interface Scope {
  readonly variables: Map<string, Value>;
  set(name: string, value: unknown): Value;
}

// The library's own declarations do not resolve under NodeNext: they import without a file extension.
const BaseInterpreter = Interpreter as unknown as new (
  scope: Scope,
) => {
  run(program: object): Value;
  evaluate(node: Node | undefined, scope: Scope): Value;
  evaluateBlock(nodes: readonly Node[], scope: Scope): Value;
  applyFilter(operand: Value, filter: FilterNode, scope: Scope): Value;
};
export const RootScope = Environment as unknown as new () => Scope;

const sample = (value: unknown) => new RootScope().set('sample', value).constructor;
const Text = sample('') as new (value: string) => Value;
const List = sample([]) as new (items: readonly Value[]) => Value;

/** They write nothing. */
const SILENT = new Set(['Set', 'Macro', 'Comment']);
/** Filters that make a text of their operand before anything else. */
const TEXT_FILTERS = new Set(['trim', 'upper', 'lower', 'title', 'capitalize', 'replace', 'string']);
/** Filters that take nothing for an empty list. */
const LIST_FILTERS = new Set(['select', 'reject', 'selectattr', 'rejectattr', 'map']);

export class TemplateInterpreter extends BaseInterpreter {
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
    const result = this.#evaluate(node, scope);
    const { value } = result;
    if ((typeof value === 'string' || Array.isArray(value)) && value.length > this.#limits.maxLength) {
      throw overLimit(`makes more than ${this.#limits.maxLength} characters or items`);
    }
    if (Array.isArray(value) && node && this.#iterables.has(node)) this.#spend(STEPS_PER_ITEM * value.length);
    return result;
  }

  override evaluateBlock(nodes: readonly Node[], scope: Scope): Value {
    let text = '';
    for (const node of nodes) {
      const value = this.evaluate(node, scope);
      if (!SILENT.has(node.type)) text += pythonText(value);
    }
    return new Text(text);
  }

  override applyFilter(operand: Value, filter: FilterNode, scope: Scope): Value {
    const name = filter.value ?? filter.callee?.value ?? '';
    if (TEXT_FILTERS.has(name)) {
      const text = new Text(pythonText(operand));
      return name === 'string' ? text : super.applyFilter(text, filter, scope);
    }
    const isNothing = operand.type === 'NullValue' || operand.type === 'UndefinedValue';
    const items = isNothing && LIST_FILTERS.has(name) ? new List([]) : operand;
    const mapped = name === 'map' ? filter.args?.[0] : undefined;
    // The library maps attributes, and knows no filters there.
    if (mapped?.type !== 'StringLiteral' || !Array.isArray(items.value)) return super.applyFilter(items, filter, scope);
    const each: FilterNode = { type: 'Identifier', value: String(mapped.value) };
    return new List(items.value.map((item: Value) => this.applyFilter(item, each, scope)));
  }

  #evaluate(node: Node | undefined, scope: Scope): Value {
    if (node?.type === 'BinaryExpression' && (node as BinaryNode).operator.value === '~') {
      const { left, right } = node as BinaryNode;
      return new Text(pythonText(this.evaluate(left, scope)) + pythonText(this.evaluate(right, scope)));
    }
    const result = super.evaluate(node, scope);
    // The library unpacks lists only.
    return result.type === 'TupleValue' ? new List(result.value as Value[]) : result;
  }

  #spend(steps: number): void {
    this.#steps += steps;
    if (this.#steps > this.#limits.maxSteps) throw overLimit(`takes more than ${this.#limits.maxSteps} steps`);
  }
}

function overLimit(what: string): ChatTemplateError {
  return new ChatTemplateError('failed', `The model's chat template ${what}.`);
}
