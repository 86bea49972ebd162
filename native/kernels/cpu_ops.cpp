#include "kernels/cpu_ops.h"

#include <stdexcept>
#include <utility>
#include <vector>

#include "kernels/cpu/matmul.h"
#include "mlx/backend/cpu/encoder.h"
#include "mlx/primitives.h"

namespace mlxd::kernels {
namespace {

// What every operation here shares: one output, and no GPU.
class CpuPrimitive : public mx::UnaryPrimitive {
 public:
  CpuPrimitive(mx::Stream stream, SharedMatrix w) : UnaryPrimitive(stream), w_(std::move(w)) {}

  void eval_gpu(const std::vector<mx::array>&, mx::array&) override {
    throw std::logic_error(std::string(name()) + " runs on CPU streams only.");
  }

  bool is_equivalent(const mx::Primitive& other) const override {
    return w_ == static_cast<const CpuPrimitive&>(other).w_;
  }

 protected:
  SharedMatrix w_;
};

// Rows of x as they lie; where columns are apart they are first copied together into `copy`.
cpu::Rows gather_rows(const mx::array& x, std::vector<float>& copy) {
  const int rows = x.shape(0), columns = x.shape(1);
  const int64_t row_stride = x.strides(0), column_stride = x.strides(1);
  const float* data = x.data<float>();
  if (column_stride == 1 && row_stride >= 0) return {data, size_t(row_stride), rows};
  copy.resize(size_t(rows) * columns);
  for (int r = 0; r < rows; ++r) {
    for (int c = 0; c < columns; ++c) {
      copy[size_t(r) * columns + c] = data[r * row_stride + c * column_stride];
    }
  }
  return {copy.data(), size_t(columns), rows};
}

class PackedMatmul final : public CpuPrimitive {
 public:
  PackedMatmul(mx::Stream stream, SharedMatrix w, Precision precision)
      : CpuPrimitive(stream, std::move(w)), precision_(precision) {}
  DEFINE_NAME(PackedMatmul)

  void eval_cpu(const std::vector<mx::array>& inputs, mx::array& out) override {
    out.set_data(mx::allocator::malloc(out.nbytes()));
    auto& encoder = mx::cpu::get_command_encoder(stream());
    encoder.set_input_array(inputs[0]);
    encoder.set_output_array(out);
    encoder.dispatch([w = w_, precision = precision_, x = mx::array::unsafe_weak_copy(inputs[0]),
                      y = mx::array::unsafe_weak_copy(out)]() mutable {
      std::vector<float> copy;
      cpu::matmul(*w, gather_rows(x, copy), y.data<float>(), precision, cpu::best_isa(),
                  cpu::ThreadPool::shared());
    });
  }

  std::vector<mx::Shape> output_shapes(const std::vector<mx::array>& inputs) override {
    return {{inputs[0].shape(0), w_->format().rows}};
  }

  bool is_equivalent(const mx::Primitive& other) const override {
    return CpuPrimitive::is_equivalent(other) &&
           precision_ == static_cast<const PackedMatmul&>(other).precision_;
  }

 private:
  Precision precision_;
};

class PackedRows final : public CpuPrimitive {
 public:
  using CpuPrimitive::CpuPrimitive;
  DEFINE_NAME(PackedRows)

  void eval_cpu(const std::vector<mx::array>& inputs, mx::array& out) override {
    out.set_data(mx::allocator::malloc(out.nbytes()));
    auto& encoder = mx::cpu::get_command_encoder(stream());
    encoder.set_input_array(inputs[0]);
    encoder.set_output_array(out);
    encoder.dispatch([w = w_, ids = mx::array::unsafe_weak_copy(inputs[0]),
                      y = mx::array::unsafe_weak_copy(out)]() mutable {
      const auto& format = w->format();
      const int32_t* id = ids.data<int32_t>();
      float* row = y.data<float>();
      for (int t = 0; t < ids.shape(0); ++t, id += ids.strides(0), row += format.columns) {
        if (*id < 0 || *id >= format.rows) {
          throw std::out_of_range("Row " + std::to_string(*id) + " of a matrix of " +
                                  std::to_string(format.rows) + " rows.");
        }
        w->read_row(*id, row);
      }
    });
  }

  std::vector<mx::Shape> output_shapes(const std::vector<mx::array>& inputs) override {
    return {{inputs[0].shape(0), w_->format().columns}};
  }
};

mx::Stream cpu_stream() { return mx::default_stream(mx::Device::cpu); }

}  // namespace

mx::array packed_matmul(const SharedMatrix& w, const mx::array& x, Precision precision) {
  return mx::array({x.shape(0), w->format().rows}, mx::float32,
                   std::make_shared<PackedMatmul>(cpu_stream(), w, precision), {x});
}

mx::array packed_rows(const SharedMatrix& w, const mx::array& ids) {
  return mx::array({ids.shape(0), w->format().columns}, mx::float32,
                   std::make_shared<PackedRows>(cpu_stream(), w), {ids});
}

}  // namespace mlxd::kernels
