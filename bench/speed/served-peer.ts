// mlx-lm's own server beside mlx-lm in a process.
import { z } from 'zod';
import { installPeers, runPython } from '../peers/install.js';

const schema = z.object({
  version: z.string(),
  device: z.string(),
  inProcess: z.array(z.number()),
  served: z.array(z.number()),
});

/** Tokens a second of each round. */
export type ServedPeer = z.output<typeof schema> & { tokens: number };

/** On a CPU it makes less than a token a second. */
const TOKENS = 5;
const ROUNDS = 2;

export async function measureServedPeer(folder: string): Promise<ServedPeer> {
  const peers = await installPeers();
  const output = await runPython(peers, 'bench/speed/mlx_lm_served.py', [folder, String(TOKENS), String(ROUNDS)]);
  return { ...schema.parse(JSON.parse(output)), tokens: TOKENS };
}
