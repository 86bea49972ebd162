// Rotary position embedding of heads.
#pragma once

#include <memory>
#include <vector>

namespace mlxd::kernels::cpu {

/// Angles of all positions met so far are kept: they are computed once, not once a layer and step.
class Rope {
 public:
  /// `frequencies` [dims / 2], radians a position, of the first `dims` columns of a head; none
  /// rotates nothing. They are multiplied by `magnitude` too. `traditional`: pairs are
  /// neighbours, else a column and the one dims / 2 on.
  Rope(std::vector<float> frequencies, bool traditional, float magnitude = 1)
      : frequencies_(std::move(frequencies)), traditional_(traditional), magnitude_(magnitude) {}

  /// Must precede `rotate` of positions below `end`. Not while another thread is in either.
  void reach(int end);

  /// One head at `position`, x [width] -> out [width]; columns beyond dims as they are.
  void rotate(const float* x, int width, int position, float* out) const;

 private:
  const std::vector<float> frequencies_;
  const bool traditional_;
  const float magnitude_;
  std::vector<std::unique_ptr<float[]>> runs_;  // [kRun, 2, dims / 2]: cosines, then sines
};

}  // namespace mlxd::kernels::cpu
