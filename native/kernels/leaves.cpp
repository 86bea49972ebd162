#include "kernels/leaves.h"

#include <memory>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "kernels/cpu/elementwise.h"
#include "kernels/cpu_primitive.h"
#include "kernels/cpu_rows.h"
#include "kernels/settings.h"

namespace mlxd::kernels {
namespace {

// A matrix and how it is multiplied with.
struct Factor {
  SharedMatrix matrix;
  Precision precision;

  explicit Factor(const QuantizedMatrix& w) : matrix(*w.packed()), precision(w.precision()) {}
  bool operator==(const Factor&) const = default;

  int outputs() const { return matrix->format().rows; }
  void multiply(const cpu::Rows& x, float* y) const {
    cpu::matmul(*matrix, x, y, precision, cpu::best_isa(), cpu::ThreadPool::shared());
  }
};

// The RMS norm of x [T, K], in memory of its own.
class NormedRows {
 public:
  NormedRows(const mx::array& x, const mx::array& weight, float eps)
      : rows_(x.shape(0)),
        columns_(x.shape(1)),
        data_(std::make_unique_for_overwrite<float[]>(size_t(rows_) * columns_)) {
    std::vector<float> copy, weight_copy;
    cpu::rms_norm(gather_rows(x, copy), gather_rows(weight, weight_copy).data, columns_, eps,
                  data_.get(), cpu::best_isa(), cpu::ThreadPool::shared());
  }

  cpu::Rows rows() const { return {data_.get(), size_t(columns_), rows_}; }

 private:
  int rows_, columns_;
  std::unique_ptr<float[]> data_;
};

class MatmulAdd final : public CpuPrimitive {
 public:
  explicit MatmulAdd(Factor w) : w_(std::move(w)) {}
  DEFINE_NAME(MatmulAdd)

  void eval_cpu(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) override {
    dispatch_one(inputs, outputs, [w = w_](const auto& views, float* y) {
      std::vector<float> copy, residual_copy;
      w.multiply(gather_rows(views[0], copy), y);
      cpu::add_rows(gather_rows(views[1], residual_copy), w.outputs(), y,
                    cpu::ThreadPool::shared());
    });
  }

  std::vector<mx::Shape> output_shapes(const std::vector<mx::array>& inputs) override {
    return {inputs[1].shape()};
  }

  bool is_equivalent(const mx::Primitive& other) const override {
    return w_ == static_cast<const MatmulAdd&>(other).w_;
  }

 private:
  Factor w_;
};

// Inputs x [T, K] and the norm's weight [1, K]; an output for each factor.
class NormMatmuls final : public CpuPrimitive {
 public:
  NormMatmuls(float eps, std::vector<Factor> factors) : eps_(eps), factors_(std::move(factors)) {}
  DEFINE_NAME(NormMatmuls)

  void eval_cpu(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) override {
    dispatch(inputs, outputs, [eps = eps_, factors = factors_](const auto& views, auto& out) {
      const NormedRows normed(views[0], views[1], eps);
      for (size_t i = 0; i < factors.size(); ++i) {
        factors[i].multiply(normed.rows(), out[i].template data<float>());
      }
    });
  }

  std::vector<mx::Shape> output_shapes(const std::vector<mx::array>& inputs) override {
    std::vector<mx::Shape> shapes;
    for (const Factor& w : factors_) shapes.push_back({inputs[0].shape(0), w.outputs()});
    return shapes;
  }

  bool is_equivalent(const mx::Primitive& other) const override {
    const auto& same = static_cast<const NormMatmuls&>(other);
    return eps_ == same.eps_ && factors_ == same.factors_;
  }

 private:
  float eps_;
  std::vector<Factor> factors_;
};

// Inputs as NormMatmuls.
class NormSwiglu final : public CpuPrimitive {
 public:
  NormSwiglu(float eps, Factor gate, Factor up)
      : eps_(eps), gate_(std::move(gate)), up_(std::move(up)) {}
  DEFINE_NAME(NormSwiglu)

  void eval_cpu(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) override {
    dispatch_one(
        inputs, outputs, [eps = eps_, gate = gate_, up = up_](const auto& views, float* out) {
          const NormedRows normed(views[0], views[1], eps);
          const size_t size = size_t(views[0].shape(0)) * gate.outputs();
          const auto factors = std::make_unique_for_overwrite<float[]>(size);
          gate.multiply(normed.rows(), out);
          up.multiply(normed.rows(), factors.get());
          cpu::swiglu(out, factors.get(), size, cpu::best_isa(), cpu::ThreadPool::shared());
        });
  }

  std::vector<mx::Shape> output_shapes(const std::vector<mx::array>& inputs) override {
    return {{inputs[0].shape(0), gate_.outputs()}};
  }

  bool is_equivalent(const mx::Primitive& other) const override {
    const auto& same = static_cast<const NormSwiglu&>(other);
    return eps_ == same.eps_ && gate_ == same.gate_ && up_ == same.up_;
  }

 private:
  float eps_;
  Factor gate_, up_;
};

void check(bool fit, const char* what, const mx::array& a, const mx::array& b) {
  if (fit) return;
  std::ostringstream text;
  text << what << ": " << a.shape() << " does not fit " << b.shape() << ".";
  throw std::invalid_argument(text.str());
}

void check_columns(const QuantizedMatrix& w, const mx::array& x) {
  if (x.ndim() == 2 && x.shape(1) == w.columns()) return;
  std::ostringstream text;
  text << "Input " << x.shape() << " does not fit a matrix of " << w.columns() << " columns.";
  throw std::invalid_argument(text.str());
}

// x and the weight as the primitives take them.
std::vector<mx::array> norm_inputs(const mx::array& x, const mx::array& weight) {
  check(weight.ndim() == 1 && x.ndim() == 2 && x.shape(1) == weight.shape(0), "Norm: weight",
        weight, x);
  return {x, mx::reshape(mx::astype(weight, mx::float32), {1, -1})};
}

}  // namespace

bool can_fuse(const mx::array& x, MatrixList matrices) {
  for (const auto* w : matrices) {
    if (w == nullptr || w->packed() == nullptr) return false;
  }
  return use_own_kernels() && x.dtype() == mx::float32;
}

mx::array matmul_add(const QuantizedMatrix& w, const mx::array& x, const mx::array& residual) {
  check_columns(w, x);
  check(residual.shape() == mx::Shape{x.shape(0), w.rows_count()}, "Residual", residual, x);
  return mx::array(residual.shape(), mx::float32, std::make_shared<MatmulAdd>(Factor(w)),
                   {x, mx::astype(residual, mx::float32)});
}

std::vector<mx::array> norm_matmuls(const mx::array& x, const mx::array& weight, float eps,
                                    MatrixList matrices) {
  std::vector<Factor> factors;
  std::vector<mx::Shape> shapes;
  for (const auto* w : matrices) {
    check_columns(*w, x);
    factors.emplace_back(*w);
    shapes.push_back({x.shape(0), w->rows_count()});
  }
  const std::vector<mx::Dtype> types(shapes.size(), mx::float32);
  return mx::array::make_arrays(std::move(shapes), types,
                                std::make_shared<NormMatmuls>(eps, std::move(factors)),
                                norm_inputs(x, weight));
}

mx::array norm_swiglu(const mx::array& x, const mx::array& weight, float eps,
                      const QuantizedMatrix& gate, const QuantizedMatrix& up) {
  check_columns(gate, x);
  check_columns(up, x);
  if (gate.rows_count() != up.rows_count()) {
    throw std::invalid_argument("SwiGLU: gate and up differ in their number of rows.");
  }
  return mx::array({x.shape(0), gate.rows_count()}, mx::float32,
                   std::make_shared<NormSwiglu>(eps, Factor(gate), Factor(up)),
                   norm_inputs(x, weight));
}

}  // namespace mlxd::kernels
