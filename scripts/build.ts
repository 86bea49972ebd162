// `npm run build`: everything a checkout needs to run, in order, doing only what its inputs ask for.

import { parseArgs } from 'node:util';
import { BuildError, main } from './build/errors.js';
import { ALL_STEPS, build, STEPS, type StepName } from './build/steps.js';

const HELP = `Usage: npm run build -- [--only STEP]... [--help]

Builds what has changed. Steps, in order:
${ALL_STEPS.map((name) => `  ${name.padEnd(12)}${STEPS[name].about}`).join('\n')}

Environment:
  MLX_ROOT    use the MLX in this folder (with include/, lib/, share/) instead of the pinned one
  MLXD_CACHE  keep downloads here instead of .cache/`;

main('build', async () => {
  const { values } = parseArgs({
    options: { only: { type: 'string', multiple: true }, help: { type: 'boolean', short: 'h' } },
  });
  if (values.help) console.log(HELP);
  else await build(values.only?.map(stepNamed));
});

function stepNamed(name: string): StepName {
  const step = ALL_STEPS.find((known) => known === name);
  if (!step) throw new BuildError(`there is no step "${name}"; steps: ${ALL_STEPS.join(', ')}`);
  return step;
}
