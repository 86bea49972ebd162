// The architectures that are imported, by their names in GGUF.
import type { Metadata } from '../metadata.js';
import type { Architecture } from './architecture.js';
import { gemma, gemma2, gemma3 } from './gemma.js';
import { llama } from './llama.js';
import { phi3 } from './phi3.js';
import { qwen2, qwen3 } from './qwen.js';

const ARCHITECTURES: Record<string, Architecture> = { llama, qwen2, qwen3, gemma, gemma2, gemma3, phi3 };

export const SUPPORTED_ARCHITECTURES = Object.keys(ARCHITECTURES).join(', ');

/** Throws GgufError for one that is not supported. */
export function findArchitecture(metadata: Metadata): { name: string; architecture: Architecture } {
  const name = metadata.string('general.architecture');
  const architecture = Object.hasOwn(ARCHITECTURES, name) ? ARCHITECTURES[name] : undefined;
  if (architecture) return { name, architecture };
  throw metadata.error(
    'general.architecture',
    `is ${JSON.stringify(name.slice(0, 64))}, which cannot be imported; supported: ${SUPPORTED_ARCHITECTURES}`,
  );
}
