// Linear recurrences of a step's sequences. The one place that says which kernel is used when:
//   on a CPU, float32           ours (cpu/recurrence.h), one operation a step
//   anything else, on a GPU     MLX's operations, token by token
// Engine thread only.
#pragma once

#include <optional>
#include <vector>

#include "kernels/cpu/recurrence.h"
#include "mlx/mlx.h"

namespace mlxd::kernels {
namespace mx = mlx::core;

using cpu::RecurrenceShape;

/// Of all tokens of a step, T of them.
struct RecurrenceInputs {
  mx::array q, k;                      // [T, key_heads * keys]
  mx::array v;                         // [T, heads * values]
  mx::array decay;                     // [T, heads] float32
  std::optional<mx::array> beta = {};  // [T, heads] float32; the delta rule where it is given
};

/// `length` tokens of a sequence, and its state before them, [heads, values, keys] float32; zeros
/// without.
struct RecurrenceSegment {
  int length;
  std::optional<mx::array> state;
};

/// States of a sequence after a step.
struct RecurrentStates {
  mx::array last;
  std::optional<mx::array> before_last;  // before the last token, if there was one before that
};

struct RecurrenceResult {
  mx::array output;                     // [T, heads * values], of v's type
  std::vector<RecurrentStates> states;  // of each segment
};

/// See cpu::RecurrenceShape for what it computes, in float32. With our kernels a result has the
/// same bits whatever else is in the step, and however tokens are cut into steps.
RecurrenceResult recurrence(const RecurrenceShape& shape, const RecurrenceInputs& inputs,
                            const std::vector<RecurrenceSegment>& segments);

}  // namespace mlxd::kernels
