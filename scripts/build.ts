// `npm run build`: everything a checkout needs to run, in order, doing only what its inputs ask for.

import { parseArgs } from 'node:util';
import { addonIsFresh, buildAddon } from './build/addon.js';
import { BuildError, main } from './build/errors.js';
import { withBuildLock } from './build/lock.js';
import { installMlx, mlxIsFresh } from './build/mlx.js';
import { installModel, modelIsFresh } from './build/model.js';
import { type Progress, showProgress } from './build/progress.js';
import { buildTypeScript, typeScriptIsFresh } from './build/typescript.js';

interface Step {
  name: string;
  about: string;
  isFresh: () => boolean;
  run: (progress: Progress) => Promise<string>;
}

const STEPS: readonly Step[] = [
  { name: 'mlx', about: "Apple's MLX library, from its pinned wheel", isFresh: mlxIsFresh, run: installMlx },
  { name: 'addon', about: 'native/ -> build/Release/mlxd.node', isFresh: addonIsFresh, run: buildAddon },
  { name: 'typescript', about: 'src/ -> dist/', isFresh: typeScriptIsFresh, run: buildTypeScript },
  { name: 'model', about: 'the default model -> models/', isFresh: modelIsFresh, run: installModel },
];

const HELP = `Usage: npm run build -- [--only STEP]... [--help]

Builds what has changed. Steps, in order:
${STEPS.map((step) => `  ${step.name.padEnd(12)}${step.about}`).join('\n')}

Environment:
  MLX_ROOT    use the MLX in this folder (with include/, lib/, share/) instead of the pinned one
  MLXD_CACHE  keep downloads here instead of .cache/`;

main('build', async () => {
  const { values } = parseArgs({
    options: { only: { type: 'string', multiple: true }, help: { type: 'boolean', short: 'h' } },
  });
  if (values.help) {
    console.log(HELP);
    return;
  }
  const steps = selectSteps(values.only);
  if (steps.every((step) => step.isFresh())) return;
  await withBuildLock(async () => {
    for (const step of steps) {
      if (!step.isFresh()) await showProgress(step.name, step.run);
    }
  });
});

function selectSteps(only: readonly string[] | undefined): readonly Step[] {
  if (!only) return STEPS;
  const unknown = only.find((name) => !STEPS.some((step) => step.name === name));
  if (unknown !== undefined) {
    throw new BuildError(`there is no step "${unknown}"; steps: ${STEPS.map((step) => step.name).join(', ')}`);
  }
  return STEPS.filter((step) => only.includes(step.name));
}
