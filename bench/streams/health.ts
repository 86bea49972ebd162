// What a server says of itself.
export interface Health {
  in_flight: number;
  models: ModelHealth[];
}

export interface ModelHealth {
  waiting: number;
  running: number;
  active_memory_bytes: number;
  failures: number;
  restarts: number;
  prefix_cache: { bytes: number };
}

export async function readHealth(url: string): Promise<Health> {
  return (await (await fetch(`${url}/health`)).json()) as Health;
}
