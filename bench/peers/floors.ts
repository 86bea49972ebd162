// The ratios that must be reached, and how far we are. Pure.

import type { ModelName } from './models.js';
import { PEER_NAMES, type PeerName } from './peers.js';
import type { Outcome } from './rounds.js';
import type { Section } from './tasks.js';

interface Floor {
  section: Section;
  against: PeerName;
  floor: number;
  aim?: number;
}

/** Where a peer takes no part in a model, its floors do not count for it. */
const BASE_FLOORS: readonly Floor[] = [
  { section: 'decode', against: 'llama.cpp-q4_1', floor: 1.7, aim: 2.2 },
  { section: 'decode', against: 'llama.cpp-q4_0', floor: 1.4 },
  { section: 'decode', against: 'mlx-lm', floor: 300 },
  { section: 'prefill', against: 'llama.cpp-q4_1', floor: 3, aim: 4 },
  { section: 'prefill', against: 'llama.cpp-q4_0', floor: 1.3 },
  { section: 'prefill', against: 'mlx-lm', floor: 1000 },
  { section: 'batch16', against: 'llama.cpp-q4_1', floor: 2.5, aim: 4 },
  { section: 'batch16', against: 'llama.cpp-q4_0', floor: 1.7 },
];

/** They were set where no processor had AMX; where one has, llama.cpp is measured with and without it. */
const FLOORS = BASE_FLOORS.flatMap((floor) => {
  const twin = PEER_NAMES.find((name) => name === `${floor.against}-no-amx`);
  return twin ? [floor, { ...floor, against: twin }] : [floor];
});

/** The share of the read bandwidth that decoding must reach. */
export const BANDWIDTH_FLOOR = 0.8;

export interface Ratio extends Floor {
  model: ModelName;
  label: string;
  ratio: number;
  met: boolean;
}

export interface TaskResult {
  model: ModelName;
  section: Section;
  label: string;
  outcomes: readonly Outcome[];
}

/** Our median over each peer's, beside its floor; only where both have one. */
export function ratios(results: readonly TaskResult[]): Ratio[] {
  return results.flatMap(({ model, section, label, outcomes }) => {
    const ours = rateOf(outcomes, 'mlxd');
    if (ours === undefined) return [];
    return FLOORS.filter((floor) => floor.section === section).flatMap((floor) => {
      const theirs = rateOf(outcomes, floor.against);
      if (theirs === undefined) return [];
      const ratio = ours / theirs;
      return [{ ...floor, model, label, ratio, met: ratio >= floor.floor }];
    });
  });
}

const rateOf = (outcomes: readonly Outcome[], peer: PeerName): number | undefined =>
  outcomes.find((outcome) => outcome.peer === peer)?.rate?.median;
