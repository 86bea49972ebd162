// Runs one task on all peers in alternating rounds, so that what the machine does meanwhile hits them alike.

import type { Peer, PeerName } from './peers.js';
import { say } from './progress.js';
import { type Summary, summarize } from './stats.js';
import type { Task } from './tasks.js';

const TRIALS = 2;

export interface Outcome {
  peer: PeerName;
  /** Tokens a second; absent when it failed. */
  rate?: Summary;
  /** The setting that was chosen, or what was cut short; may be empty. */
  note: string;
  error?: string;
}

interface Entry {
  peer: Peer;
  variant: Peer['variants'][number];
  rates: number[];
  error?: string;
}

/** The outcome of each peer that takes part. A peer that fails is told of and left out; the others go on. */
export async function measureTask(task: Task, peers: readonly Peer[], rounds: number): Promise<Outcome[]> {
  const entries: Entry[] = [];
  for (const peer of peers.filter((candidate) => candidate.takesPartIn(task))) {
    const entry: Entry = { peer, variant: peer.variants[0] ?? { label: '', extras: {} }, rates: [] };
    entries.push(entry);
    await attempt(entry, async () => {
      entry.variant = await fastestVariant(task, peer);
    });
  }
  for (let round = 0; round < rounds; round++) {
    // Another peer goes first each round.
    const order = [...entries.slice(round % entries.length), ...entries.slice(0, round % entries.length)];
    for (const entry of order.filter(({ peer }) => round < peer.roundsOf(rounds))) {
      await attempt(entry, async () => {
        entry.rates.push(await entry.peer.measure(task, round, entry.variant.extras));
      });
    }
  }
  return entries.map(({ peer, variant, rates, error }) =>
    error === undefined
      ? { peer: peer.name, note: variant.label, rate: summarize(rates) }
      : { peer: peer.name, note: variant.label, error },
  );
}

async function attempt(entry: Entry, work: () => Promise<void>): Promise<void> {
  if (entry.error !== undefined) return;
  try {
    await work();
  } catch (error) {
    entry.error = (error as Error).message;
    say(`failed: ${entry.error}`);
  }
}

/** Warms the peer up for the task and, where it has a choice of settings, finds the faster one. */
async function fastestVariant(task: Task, peer: Peer): Promise<Peer['variants'][number]> {
  const [only] = peer.variants;
  if (only && peer.variants.length === 1) {
    await peer.measure(task, -1, only.extras);
    return only;
  }
  const best = peer.variants.map((variant) => ({ variant, rate: 0 }));
  for (let trial = 0; trial < TRIALS; trial++) {
    for (const candidate of best) {
      const rate = await peer.measure(task, -1 - trial, candidate.variant.extras);
      candidate.rate = Math.max(candidate.rate, rate);
    }
  }
  return best.reduce((a, b) => (b.rate > a.rate ? b : a)).variant;
}
