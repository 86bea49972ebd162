// Wire type of GET /health.

export type HealthStatus = 'ok' | 'loading' | 'restarting' | 'degraded' | 'draining';

/** Counts since the engine started; bytes and entries that are held now. */
export interface PrefixCacheHealth {
  lookups: number;
  hits: number;
  reused_tokens: number;
  evictions: number;
  bytes: number;
  entries: number;
}

export interface ModelHealth {
  id: string;
  /** The engine thread's own word; `stalled` when it has work and has not gone through its loop for long. */
  state: 'loading' | 'ready' | 'stalled' | 'restarting' | 'failed' | 'closed';
  device: 'cpu' | 'gpu';
  /** `mlx`, or the instruction set of our CPU kernels. */
  kernels: string;
  /** Of our CPU kernels; null with MLX's. */
  precision: 'exact' | 'balanced' | 'fast' | null;
  waiting: number;
  running: number;
  prompt_tokens: number;
  generated_tokens: number;
  heartbeat_ms: number;
  active_memory_bytes: number;
  peak_memory_bytes: number;
  /** How often a broken engine was loaded anew. */
  restarts: number;
  /** Steps that threw, and what ended engines. */
  failures: number;
  last_error: string | null;
  prefix_cache: PrefixCacheHealth;
}

export interface Health {
  status: HealthStatus;
  version: string;
  uptime_seconds: number;
  /** Requests that this server is answering with a generation. */
  in_flight: number;
  models: ModelHealth[];
}
