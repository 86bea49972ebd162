// The base of our CPU operations that take rows to rows, as many as there are: those that a
// Recording can do again.
#pragma once

#include <span>
#include <vector>

#include "kernels/cached_attention.h"
#include "kernels/cpu_primitive.h"
#include "kernels/cpu_rows.h"

namespace mlxd::kernels {

/// What such an operation computes with.
struct RowsCall {
  std::span<const cpu::Rows> inputs;  // a vector is one row
  std::span<float* const> outputs;    // each with as many rows as the first input
  std::span<const CachedSpan> spans;  // of attention: the sequences that these are rows of
};

class RowsPrimitive : public CpuPrimitive {
 public:
  /// By itself, on the stream's thread.
  virtual void compute_rows(const RowsCall& call) const = 0;

  /// Of attention: the sequences that its graph was made for.
  virtual std::span<const CachedSpan> spans() const { return {}; }

 protected:
  void compute(const Arrays& inputs, Arrays& outputs) const final {
    std::vector<std::vector<float>> copies(inputs.size());
    std::vector<cpu::Rows> rows;
    std::vector<float*> to;
    for (size_t i = 0; i < inputs.size(); ++i) rows.push_back(gather_rows(inputs[i], copies[i]));
    for (mx::array& output : outputs) to.push_back(output.data<float>());
    compute_rows({rows, to, spans()});
  }
};

}  // namespace mlxd::kernels
