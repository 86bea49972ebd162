// Starts scenarios.ts in a worker: Node 20 does not hand the TypeScript loader of the process on to its workers.

import { register } from 'tsx/esm/api';

register();
await import('./scenarios.ts');
