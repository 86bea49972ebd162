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

  void eval_cpu(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) override {
    dispatch_one(inputs, outputs, [w = w_, precision = precision_](const auto& views, float* y) {
      std::vector<float> copy;
      cpu::matmul({{w.get()}, y}, {gather_rows(views[0], copy)},
                  {precision, cpu::best_isa(), cpu::ThreadPool::shared()});
    });
  }

  std::vector<mx::Shape> output_shapes(const std::vector<mx::array>& inputs) override {
    return {{inputs[0].shape(0), w_->format().rows}};
  }

  bool is_equivalent(const mx::Primitive& other) const override {
    const auto& matmul = static_cast<const PackedMatmul&>(other);
    return w_ == matmul.w_ && precision_ == matmul.precision_;
  }

 private:
  SharedMatrix w_;
  Precision precision_;
};

class PackedRows final : public CpuPrimitive {
 public:
  explicit PackedRows(SharedMatrix w) : w_(std::move(w)) {}
  DEFINE_NAME(PackedRows)

  void eval_cpu(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) override {
    dispatch_one(inputs, outputs, [w = w_](const auto& views, float* row) {
      const auto& format = w->format();
      const mx::array& ids = views[0];
      for (int t = 0; t < ids.shape(0); ++t, row += format.columns) {
        const int32_t id = ids.data<int32_t>()[t * ids.strides(0)];
        if (id < 0 || id >= format.rows) {
          throw std::out_of_range("Row " + std::to_string(id) + " of a matrix of " +
                                  std::to_string(format.rows) + " rows.");
        }
        w->read_row(id, row);
      }
    });
  }

  std::vector<mx::Shape> output_shapes(const std::vector<mx::array>& inputs) override {
    return {{inputs[0].shape(0), w_->format().columns}};
  }

  bool is_equivalent(const mx::Primitive& other) const override {
    return w_ == static_cast<const PackedRows&>(other).w_;
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
