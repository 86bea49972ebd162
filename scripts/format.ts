// `npm run format`: writes the formatting that `npm run lint` checks.

import { BuildError, main } from './build/errors.js';
import { passThrough } from './build/exec.js';
import { bin } from './build/paths.js';
import { writeNotices } from './check-notices.js';
import { clangFormat } from './suites/clang-format.js';

main('format', async () => {
  writeNotices();
  const biome = await passThrough(bin('biome'), ['check', '--write']);
  const clang = await clangFormat('write');
  if (biome !== 0 || !clang) throw new BuildError('some findings need a hand, see above');
});
