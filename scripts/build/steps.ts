// The build as a list of steps, in order: what each makes, whether it is up to date, and how to run it.

import { addonIsFresh, buildAddon } from './addon.js';
import { withLock } from './lock.js';
import { installMlx, mlxIsFresh } from './mlx.js';
import { installModel, modelIsFresh } from './model.js';
import { type Progress, showProgress } from './progress.js';
import { buildTypeScript, typeScriptIsFresh } from './typescript.js';

interface Step {
  about: string;
  isFresh: () => boolean;
  run: (progress: Progress) => Promise<string>;
}

export const STEPS = {
  mlx: { about: "Apple's MLX library, from its pinned wheel", isFresh: mlxIsFresh, run: installMlx },
  addon: { about: 'native/ -> build/Release/mlxd.node', isFresh: addonIsFresh, run: buildAddon },
  typescript: { about: 'src/ -> dist/', isFresh: typeScriptIsFresh, run: buildTypeScript },
  model: { about: 'the default model -> models/', isFresh: modelIsFresh, run: installModel },
} satisfies Record<string, Step>;

export type StepName = keyof typeof STEPS;

export const ALL_STEPS = Object.keys(STEPS) as StepName[];

/** Runs those of the steps whose inputs have changed. Prints nothing when none have. */
export async function build(names: readonly StepName[] = ALL_STEPS): Promise<void> {
  if (names.every((name) => STEPS[name].isFresh())) return;
  await withLock('cmake', async () => {
    for (const name of names) {
      const step = STEPS[name];
      if (!step.isFresh()) await showProgress(name, step.run);
    }
  });
}
