// How long a reply took, as its client sees it: from the request to the first text, and from there to the end.
import type { WireTimings } from '../schemas/usage.js';
import type { Usage } from '../services/types.js';

export class ReplyClock {
  readonly #started = performance.now();
  #firstAt: number | undefined;

  /** Something for the client has come. */
  tick(): void {
    this.#firstAt ??= performance.now();
  }

  /** At the end of a reply of so many choices. */
  read({ promptTokens, cachedTokens, completionTokens }: Usage, choices: number): WireTimings {
    const end = performance.now();
    const firstAt = this.#firstAt ?? end;
    const ttft = firstAt - this.#started;
    const later = completionTokens - choices;
    return {
      ttft_ms: round(ttft),
      prefill_tokens_per_second: round(perSecond(promptTokens, ttft)),
      decode_tokens_per_second: later > 0 && end > firstAt ? round(perSecond(later, end - firstAt)) : null,
      cached_tokens: cachedTokens,
    };
  }
}

const perSecond = (count: number, ms: number) => (count * 1000) / Math.max(ms, 0.001);
const round = (value: number) => Math.round(value * 100) / 100;
