// Finds stop strings in streamed text. Pure; one matcher a reply.

/** A node of the trie of all stop strings, with Aho and Corasick's failure links. Depth = length of its text. */
interface Node {
  next: Map<string, Node>;
  /** The node of the longest proper suffix of this node's text that begins a stop string. */
  fail: Node | undefined;
  depth: number;
  /** Length of the longest stop string that this node's text ends with; 0 for none. */
  match: number;
}

/**
 * Passes text through until the first stop string, which it drops with everything after it. The stop string that
 * begins first wins, as if the whole text had been searched with `indexOf`, however the text is cut into pieces.
 * Only text that may still become part of a stop string is held back. An empty stop string is none.
 */
export class StopMatcher {
  readonly #root: Node;
  #node: Node;
  /** Text not given out yet. */
  #held = '';
  /** Where in `#held` the earliest complete stop string begins. */
  #found: number | undefined;
  #stopped = false;

  constructor(stops: readonly string[]) {
    this.#root = buildTrie(stops.filter((stop) => stop !== ''));
    this.#node = this.#root;
  }

  /** True once a stop string has been found: no text comes any more. */
  get stopped(): boolean {
    return this.#stopped;
  }

  /** Takes the next text; returns what is certain not to be part of a stop string. */
  push(text: string): string {
    if (this.#stopped) return '';
    if (this.#root.next.size === 0) return text;
    for (let i = 0; i < text.length; i++) {
      const unit = text.charAt(i);
      this.#held += unit;
      this.#node = step(this.#root, this.#node, unit);
      const { match, depth } = this.#node;
      const end = this.#held.length;
      if (match > 0) this.#found = Math.min(this.#found ?? end, end - match);
      // A longer stop string that began earlier may still complete, and would win.
      if (this.#found !== undefined && this.#found <= end - depth) return this.#stop(this.#found);
    }
    return this.#found === undefined ? this.#release(this.#held.length - this.#node.depth) : '';
  }

  /** The end of the text: returns what was held back. */
  flush(): string {
    if (this.#stopped) return '';
    return this.#found === undefined ? this.#release(this.#held.length) : this.#stop(this.#found);
  }

  #stop(at: number): string {
    this.#stopped = true;
    return this.#release(at);
  }

  #release(length: number): string {
    const text = this.#held.slice(0, length);
    this.#held = this.#held.slice(length);
    return text;
  }
}

function buildTrie(stops: readonly string[]): Node {
  const root: Node = { next: new Map(), fail: undefined, depth: 0, match: 0 };
  for (const stop of stops) {
    let node = root;
    for (let i = 0; i < stop.length; i++) {
      const unit = stop.charAt(i);
      let child = node.next.get(unit);
      if (child === undefined) {
        child = { next: new Map(), fail: root, depth: node.depth + 1, match: 0 };
        node.next.set(unit, child);
      }
      node = child;
    }
    node.match = stop.length;
  }
  linkFailures(root);
  return root;
}

/** Breadth first, so that a node's failure link is made before those of its children need it. */
function linkFailures(root: Node): void {
  const queue = [...root.next.values()];
  for (let node = queue.shift(); node !== undefined; node = queue.shift()) {
    for (const [unit, child] of node.next) {
      child.fail = step(root, node.fail ?? root, unit);
      child.match = Math.max(child.match, child.fail.match);
      queue.push(child);
    }
  }
}

function step(root: Node, from: Node, unit: string): Node {
  let node: Node | undefined = from;
  while (node !== undefined) {
    const child = node.next.get(unit);
    if (child !== undefined) return child;
    node = node.fail;
  }
  return root;
}
