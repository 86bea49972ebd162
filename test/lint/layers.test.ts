// The layer check itself: a rule that cannot fail is no rule.

import { describe, expect, it } from 'vitest';
import { checkIncludes } from '../../scripts/lint-layers.js';

const messages = (file: string, text: string): string[] => checkIncludes(file, text).map((found) => found.message);

describe('checkIncludes', () => {
  it.each([
    ['engine/core/scheduler.h', '#include "mlx/array.h"', 'engine/core must not include mlx'],
    ['engine/core/scheduler.h', '#include "engine/runner.h"', 'engine/core must not include engine'],
    ['engine/runner.cpp', '#include <napi.h>', 'engine must not include napi'],
    ['engine/runner.cpp', '#include "addon/convert.h"', 'engine must not include addon'],
    ['models/llama.cpp', '#include "engine/core/types.h"', 'models must not include engine/core'],
    ['nn/linear.h', '#include "loader/config.h"', 'nn must not include loader'],
    ['loader/checkpoint.cpp', '  #  include "models/model.h"', 'loader must not include models'],
    ['kernels/cpu/panel.cpp', '#include <mlx/mlx.h>', 'kernels/cpu must not include mlx'],
    ['addon/engine_wrap.cpp', '#include "mlx/mlx.h"', 'addon must not include mlx'],
  ])('%s: %s', (file, text, message) => {
    expect(messages(file, text)).toEqual([message]);
  });

  it('allows what is below, the own layer and the standard library', () => {
    const text =
      '#include <vector>\n#include "engine/core/types.h"\n#include "models/model.h"\n#include "engine/engine.h"';
    expect(messages('engine/runner.cpp', text)).toEqual([]);
    expect(messages('addon/addon.cpp', '#include <napi.h>\n#include "engine/engine.h"')).toEqual([]);
  });

  it('tells the line', () => {
    expect(checkIncludes('nn/rope.cpp', '#include <cmath>\n\n#include "models/model.h"')[0]?.line).toBe(3);
  });

  it('refuses a file outside of every layer', () => {
    expect(messages('helpers/strings.h', '')[0]).toMatch(/^is in no layer/);
  });
});
