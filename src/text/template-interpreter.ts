// The template language with a budget, and with Python's ways where the library has JavaScript's. Pure.
import { Interpreter } from '@huggingface/jinja';
import { pythonText, type Value } from './python-text.js';
import { equalInPython, List, NOTHING, NumberedDictionary, type Scope, Text, Truth } from './template-values.js';
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

interface ObjectNode extends Node {
  readonly value: ReadonlyMap<Node & { readonly value?: unknown }, Node>;
}

interface MemberNode extends Node {
  readonly object: Node;
  readonly property: Node;
  readonly computed: boolean;
}

/** Stands in a node for a part of it that was evaluated before. */
interface EvaluatedNode extends Node {
  readonly result: Value;
}

const evaluated = (result: Value): EvaluatedNode => ({ type: 'Evaluated', result });

/** A filter by its name, or called with arguments. */
interface FilterNode extends Node {
  readonly value?: string;
  readonly callee?: { readonly value?: string };
  readonly args?: readonly (Node & { readonly value?: unknown })[];
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

/** They write nothing. */
const SILENT = new Set(['Set', 'Macro', 'Comment']);
/** Operators that are not left to the library. */
const OWN_OPERATORS = new Set(['~', '==', '!=']);
/** Filters that make a text of their operand before anything else. */
const TEXT_FILTERS = new Set(['trim', 'upper', 'lower', 'title', 'capitalize', 'replace', 'string']);
/** Filters that take nothing for an empty list. */
const LIST_FILTERS = new Set(['select', 'reject', 'selectattr', 'rejectattr', 'map']);

export class TemplateInterpreter extends BaseInterpreter {
  readonly #limits: TemplateLimits;
  readonly #iterables = new WeakSet<Node>();
  #steps = 0;
  #hasNumbers = false;

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
    if (name === 'items' && operand instanceof NumberedDictionary) return operand.items();
    if (name === 'min' || name === 'max') return this.#extreme(name, operand, scope);
    const isNothing = operand.type === 'NullValue' || operand.type === 'UndefinedValue';
    const items = isNothing && LIST_FILTERS.has(name) ? new List([]) : operand;
    const mapped = name === 'map' ? filter.args?.[0] : undefined;
    // The library maps attributes, and knows no filters there.
    if (mapped?.type !== 'StringLiteral' || !Array.isArray(items.value)) return super.applyFilter(items, filter, scope);
    const each: FilterNode = { type: 'Identifier', value: String(mapped.value) };
    return new List(items.value.map((item: Value) => this.applyFilter(item, each, scope)));
  }

  // The library can sort, but not take the least.
  #extreme(name: 'min' | 'max', operand: Value, scope: Scope): Value {
    const sorted = super.applyFilter(operand, { type: 'Identifier', value: 'sort' }, scope);
    return (sorted.value as Value[]).at(name === 'min' ? 0 : -1) ?? NOTHING;
  }

  #evaluate(node: Node | undefined, scope: Scope): Value {
    if (node?.type === 'Evaluated') return (node as EvaluatedNode).result;
    if (node?.type === 'ObjectLiteral' && isNumbered(node as ObjectNode)) {
      this.#hasNumbers = true;
      const entries = [...(node as ObjectNode).value];
      return new NumberedDictionary(entries.map(([key, item]) => [Number(key.value), this.evaluate(item, scope)]));
    }
    if (this.#hasNumbers && node?.type === 'MemberExpression') return this.#member(node as MemberNode, scope);
    if (node?.type === 'BinaryExpression' && OWN_OPERATORS.has((node as BinaryNode).operator.value)) {
      return this.#binary(node as BinaryNode, scope);
    }
    const result = super.evaluate(node, scope);
    // The library unpacks lists only.
    return result.type === 'TupleValue' ? new List(result.value as Value[]) : result;
  }

  #binary(node: BinaryNode, scope: Scope): Value {
    const [left, right] = [this.evaluate(node.left, scope), this.evaluate(node.right, scope)];
    const operator = node.operator.value;
    if (operator === '~') return new Text(pythonText(left) + pythonText(right));
    const equal = equalInPython(left, right);
    if (equal !== undefined) return new Truth(equal === (operator === '=='));
    return super.evaluate({ ...node, left: evaluated(left), right: evaluated(right) } as Node, scope);
  }

  #member(node: MemberNode, scope: Scope): Value {
    const object = evaluated(this.evaluate(node.object, scope));
    const isByNumber = object.result instanceof NumberedDictionary && node.computed;
    if (!isByNumber) return super.evaluate({ ...node, object } as Node, scope);
    const key = this.evaluate(node.property, scope);
    const property = evaluated(new Text(key.type === 'IntegerValue' ? pythonText(key) : ''));
    return super.evaluate({ ...node, object, property } as Node, scope);
  }

  #spend(steps: number): void {
    this.#steps += steps;
    if (this.#steps > this.#limits.maxSteps) throw overLimit(`takes more than ${this.#limits.maxSteps} steps`);
  }
}

function isNumbered({ value }: ObjectNode): boolean {
  return value.size > 0 && [...value.keys()].every(({ type }) => type === 'IntegerLiteral');
}

function overLimit(what: string): ChatTemplateError {
  return new ChatTemplateError('failed', `The model's chat template ${what}.`);
}
