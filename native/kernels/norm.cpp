#include "kernels/norm.h"

#include <memory>
#include <sstream>
#include <stdexcept>

#include "kernels/cpu/elementwise.h"
#include "kernels/cpu_primitive.h"
#include "kernels/cpu_rows.h"
#include "kernels/settings.h"

namespace mlxd::kernels {
namespace {

// Inputs x [T, n * width] and weight [width].
class CpuRmsNorm final : public CpuPrimitive {
 public:
  explicit CpuRmsNorm(float eps) : eps_(eps) {}
  DEFINE_NAME(CpuRmsNorm)

  void eval_cpu(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) override {
    dispatch_one(inputs, outputs, [eps = eps_](const auto& views, float* out) {
      std::vector<float> copy, weight_copy;
      const int columns = views[0].shape(1), width = views[1].shape(0);
      const cpu::Rows x = gather_rows(views[0], copy);
      const float* weight = gather_vector(views[1], weight_copy);
      const auto norm = [&](const float* from, int count, float* to) {
        cpu::rms_norm({from, size_t(width), count}, weight, width, eps, to, cpu::best_isa(),
                      cpu::ThreadPool::shared());
      };
      const int parts = columns / width;
      if (x.stride == size_t(columns)) return norm(x.data, x.count * parts, out);
      for (int r = 0; r < x.count; ++r) {
        norm(x.data + r * x.stride, parts, out + size_t(r) * columns);
      }
    });
  }

  std::vector<mx::Shape> output_shapes(const std::vector<mx::array>& inputs) override {
    return {inputs[0].shape()};
  }

  bool is_equivalent(const mx::Primitive& other) const override {
    return eps_ == static_cast<const CpuRmsNorm&>(other).eps_;
  }

 private:
  float eps_;
};

// Without a node in the graph where nothing changes.
mx::array reshaped(const mx::array& x, const mx::Shape& shape) {
  return x.shape() == shape ? x : mx::reshape(x, shape);
}

}  // namespace

mx::array rms_norm(const mx::array& x, const mx::array& weight, float eps) {
  const int width = weight.ndim() == 1 ? weight.shape(0) : 0;
  if (width == 0 || x.ndim() == 0 || x.shape(-1) % width != 0) {
    std::ostringstream text;
    text << "RMS norm: weight " << weight.shape() << " does not fit " << x.shape() << ".";
    throw std::invalid_argument(text.str());
  }
  if (use_own_kernels() && x.dtype() == mx::float32) {
    const auto rows = reshaped(x, {static_cast<int>(x.size() / x.shape(-1)), x.shape(-1)});
    const mx::array normed(rows.shape(), mx::float32, std::make_shared<CpuRmsNorm>(eps),
                           {rows, mx::astype(weight, mx::float32)});
    return reshaped(normed, x.shape());
  }
  auto parts = x.shape();
  parts.back() = width;
  if (x.shape(-1) != width) parts.insert(parts.end() - 1, x.shape(-1) / width);
  // Norm weights are often wider than the rest; they must not widen what follows.
  const auto normed = mx::fast::rms_norm(reshaped(x, parts), weight, eps);
  return mx::astype(reshaped(normed, x.shape()), x.dtype());
}

}  // namespace mlxd::kernels
