// GET /health: engine statistics to the wire, and what they mean for the server as a whole. Pure functions.
import type { Health, HealthStatus, ModelHealth } from '../../schemas/health.js';
import type { ServedModel } from '../../services/types.js';

/** Longer than any single step: a prefill chunk of a large model on a slow CPU. */
const STALLED_AFTER_MS = 60_000;

export interface HealthFacts {
  models: readonly ServedModel[];
  inFlight: { size: number; draining: boolean };
  version: string;
  uptimeMs: number;
}

export function toHealth({ models, inFlight, version, uptimeMs }: HealthFacts): Health {
  const health = models.map(toModelHealth);
  return {
    status: inFlight.draining ? 'draining' : overallStatus(health),
    version,
    uptime_seconds: Math.floor(uptimeMs / 1000),
    in_flight: inFlight.size,
    models: health,
  };
}

function overallStatus(models: readonly ModelHealth[]): HealthStatus {
  if (models.length === 0) return 'degraded';
  const states = new Set<string>(models.map(({ state }) => state));
  if (['failed', 'closed', 'stalled'].some((state) => states.has(state))) return 'degraded';
  if (states.has('restarting')) return 'restarting';
  return states.has('loading') ? 'loading' : 'ok';
}

function toModelHealth(model: ServedModel): ModelHealth {
  const stats = model.stats();
  const { device, kernels, precision } = model.info;
  const busy = stats.waiting + stats.running > 0;
  const stalled = stats.state === 'ready' && busy && stats.heartbeatMs > STALLED_AFTER_MS;
  return {
    id: model.id,
    state: stalled ? 'stalled' : stats.state,
    device,
    kernels,
    precision: precision ?? null,
    waiting: stats.waiting,
    running: stats.running,
    prompt_tokens: stats.promptTokens,
    generated_tokens: stats.generatedTokens,
    heartbeat_ms: stats.heartbeatMs,
    active_memory_bytes: stats.activeMemoryBytes,
    peak_memory_bytes: stats.peakMemoryBytes,
    restarts: stats.restarts,
    failures: stats.failures,
    last_error: stats.lastError || null,
    prefix_cache: {
      lookups: stats.prefixes.lookups,
      hits: stats.prefixes.hits,
      reused_tokens: stats.prefixes.reusedTokens,
      evictions: stats.prefixes.evictions,
      bytes: stats.prefixes.bytes,
      entries: stats.prefixes.entries,
    },
  };
}
