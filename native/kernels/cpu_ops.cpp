#include "kernels/cpu_ops.h"

#include <stdexcept>
#include <utility>
#include <vector>

#include "kernels/cpu/matmul.h"
#include "kernels/cpu_primitive.h"
#include "kernels/cpu_rows.h"

namespace mlxd::kernels {
namespace {

class PackedMatmul final : public CpuPrimitive {
 public:
  PackedMatmul(SharedMatrix w, Precision precision) : w_(std::move(w)), precision_(precision) {}
  DEFINE_NAME(PackedMatmul)

  std::vector<mx::Shape> output_shapes(const std::vector<mx::array>& inputs) override {
    return {{inputs[0].shape(0), w_->format().rows}};
  }

  bool is_equivalent(const mx::Primitive& other) const override {
    const auto& matmul = static_cast<const PackedMatmul&>(other);
    return w_ == matmul.w_ && precision_ == matmul.precision_;
  }

 protected:
  void compute(const Arrays& inputs, Arrays& outputs) const override {
    std::vector<float> copy;
    cpu::matmul({{w_.get()}, outputs[0].data<float>()}, {gather_rows(inputs[0], copy)},
                {precision_, cpu::best_isa(), cpu::ThreadPool::shared()});
  }

 private:
  SharedMatrix w_;
  Precision precision_;
};

class PackedRows final : public CpuPrimitive {
 public:
  explicit PackedRows(SharedMatrix w) : w_(std::move(w)) {}
  DEFINE_NAME(PackedRows)

  std::vector<mx::Shape> output_shapes(const std::vector<mx::array>& inputs) override {
    return {{inputs[0].shape(0), w_->format().columns}};
  }

  bool is_equivalent(const mx::Primitive& other) const override {
    return w_ == static_cast<const PackedRows&>(other).w_;
  }

 protected:
  void compute(const Arrays& inputs, Arrays& outputs) const override {
    const auto& format = w_->format();
    const mx::array& ids = inputs[0];
    float* row = outputs[0].data<float>();
    for (int t = 0; t < ids.shape(0); ++t, row += format.columns) {
      const int32_t id = ids.data<int32_t>()[t * ids.strides(0)];
      if (id < 0 || id >= format.rows) {
        throw std::out_of_range("Row " + std::to_string(id) + " of a matrix of " +
                                std::to_string(format.rows) + " rows.");
      }
      w_->read_row(id, row);
    }
  }

 private:
  SharedMatrix w_;
};

}  // namespace

mx::array packed_matmul(const SharedMatrix& w, const mx::array& x, Precision precision) {
  return mx::array({x.shape(0), w->format().rows}, mx::float32,
                   std::make_shared<PackedMatmul>(w, precision), {x});
}

mx::array packed_rows(const SharedMatrix& w, const mx::array& ids) {
  return mx::array({ids.shape(0), w->format().columns}, mx::float32,
                   std::make_shared<PackedRows>(w), {ids});
}

}  // namespace mlxd::kernels
