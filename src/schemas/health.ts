// Wire types of GET /health, and of GET /.
import { z } from 'zod';

const prefixCache = z
  .object({
    lookups: z.int(),
    hits: z.int(),
    reused_tokens: z.int(),
    evictions: z.int(),
    bytes: z.int(),
    entries: z.int(),
  })
  .describe('Counts since the engine started; bytes and entries that are held now.');

const modelHealth = z.object({
  id: z.string(),
  state: z
    .enum(['loading', 'ready', 'stalled', 'restarting', 'failed', 'closed'])
    .describe("The engine thread's own word; `stalled` when it has work and has not gone through its loop for long."),
  device: z.enum(['cpu', 'gpu']),
  kernels: z.string().describe('`mlx`, or the instruction set of our CPU kernels.'),
  precision: z.enum(['exact', 'balanced', 'fast']).nullable().describe("Of our CPU kernels; null with MLX's."),
  waiting: z.int(),
  running: z.int(),
  prompt_tokens: z.int(),
  generated_tokens: z.int(),
  heartbeat_ms: z.number(),
  active_memory_bytes: z.int(),
  peak_memory_bytes: z.int(),
  restarts: z.int().describe('How often a broken engine was loaded anew.'),
  failures: z.int().describe('Steps that threw, and what ended engines.'),
  last_error: z.string().nullable(),
  prefix_cache: prefixCache,
});

const healthStatus = z.enum(['ok', 'loading', 'restarting', 'degraded', 'draining']);

export const health = z.object({
  status: healthStatus,
  version: z.string(),
  uptime_seconds: z.int(),
  in_flight: z.int().describe('Requests that this server is answering with a generation.'),
  models: z.array(modelHealth),
});

export const serverCard = z.object({ name: z.string(), version: z.string(), endpoints: z.array(z.string()) });

export type HealthStatus = z.output<typeof healthStatus>;
export type ModelHealth = z.output<typeof modelHealth>;
export type Health = z.output<typeof health>;
