// Engines are closed when the process or worker exits: on process.exit() and after an uncaught throw Node runs no native
// cleanup hooks, and would destroy MLX's statics under a running engine thread.

interface Closable {
  close(): void;
}

// Weak, so that a forgotten engine can be collected (it then closes itself).
const engines = new Set<WeakRef<Closable>>();

export function closeAtExit(engine: Closable): void {
  if (engines.size === 0) process.once('exit', closeAll);
  for (const known of engines) if (!known.deref()) engines.delete(known);
  engines.add(new WeakRef(engine));
}

function closeAll(): void {
  for (const engine of engines) engine.deref()?.close();
}
