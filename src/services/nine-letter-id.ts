// Ids of tool calls for templates that take nine letters or digits and nothing else. Pure.
import { createHash } from 'node:crypto';

/** The id itself if it fits, else always the same one made of it. */
export function nineLetterId(id: string): string {
  if (/^[A-Za-z0-9]{9}$/u.test(id)) return id;
  return createHash('sha256').update(id).digest('hex').slice(0, 9);
}
