// See rotation.h.
#include "kernels/rotation.h"

#include <utility>

#include "kernels/cpu_primitive.h"
#include "kernels/cpu_rows.h"

namespace mlxd::kernels {
namespace {

class RotatedRows final : public CpuPrimitive {
 public:
  RotatedRows(int dim, std::vector<RowRun> runs, std::shared_ptr<cpu::Rope> rope)
      : dim_(dim), runs_(std::move(runs)), rope_(std::move(rope)) {}
  DEFINE_NAME(RotatedRows)

  std::vector<mx::Shape> output_shapes(const std::vector<mx::array>& inputs) override {
    return {inputs[0].shape()};
  }

  bool is_equivalent(const mx::Primitive& other) const override {
    const auto& same = static_cast<const RotatedRows&>(other);
    return dim_ == same.dim_ && runs_ == same.runs_ && rope_ == same.rope_;
  }

 protected:
  void compute(const Arrays& inputs, Arrays& outputs) const override {
    std::vector<float> copy;
    const cpu::Rows rows = gather_rows(inputs[0], copy);
    const int width = inputs[0].shape(1);
    const float* from = rows.data;
    float* out = outputs[0].data<float>();
    for (const RowRun& run : runs_) {
      rope_->reach(run.offset + run.length);
      for (int i = 0; i < run.length; ++i, from += rows.stride, out += width) {
        for (int at = 0; at < width; at += dim_) {
          rope_->rotate(from + at, dim_, run.offset + i, out + at);
        }
      }
    }
  }

 private:
  int dim_;
  std::vector<RowRun> runs_;
  std::shared_ptr<cpu::Rope> rope_;
};

}  // namespace

mx::array rotated_rows(const mx::array& x, int dim, const std::vector<RowRun>& runs,
                       const Rope& rope) {
  return mx::array(x.shape(), mx::float32, std::make_shared<RotatedRows>(dim, runs, rope.table()),
                   {x});
}

}  // namespace mlxd::kernels
