// `npm run build:prebuild`: what `npm pack` needs beside the sources: dist/ and this platform's prebuilds/.

import { relative } from 'node:path';
import { main } from './build/errors.js';
import { ROOT } from './build/paths.js';
import { makePrebuild } from './build/prebuild.js';
import { showProgress } from './build/progress.js';
import { build } from './build/steps.js';

main('build:prebuild', async () => {
  await build(['mlx', 'addon', 'typescript']);
  await showProgress('prebuild', async (progress) => {
    progress.update('packing');
    const { folder, bytes } = await makePrebuild();
    return `${relative(ROOT, folder)}, ${(bytes / 1e6).toFixed(1)} MB`;
  });
});
