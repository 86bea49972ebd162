#include "kernels/norm.h"

#include <memory>
#include <optional>
#include <sstream>
#include <stdexcept>

#include "kernels/cpu/elementwise.h"
#include "kernels/cpu_norm.h"
#include "kernels/rows_primitive.h"
#include "kernels/settings.h"

namespace mlxd::kernels {
namespace {

// Inputs x [T, n * width] and the norm's.
class HeadNorm final : public RowsPrimitive {
 public:
  HeadNorm(const CpuNorm& norm, int columns, int width)
      : norm_(norm), columns_(columns), width_(width) {}
  DEFINE_NAME(HeadNorm)

  std::vector<mx::Shape> output_shapes(const std::vector<mx::array>& inputs) override {
    return {inputs[0].shape()};
  }

  bool is_equivalent(const mx::Primitive& other) const override {
    const auto& same = static_cast<const HeadNorm&>(other);
    return norm_ == same.norm_ && columns_ == same.columns_ && width_ == same.width_;
  }

  void compute_rows(const RowsCall& call) const override {
    const cpu::Rows& x = call.inputs[0];
    float* out = call.outputs[0];
    const auto norm_rows = [&](const float* from, int count, float* to) {
      cpu::norm_rows(norm_.with(&call.inputs[1]), {from, size_t(width_), count}, width_, to,
                     cpu::best_isa(), cpu::ThreadPool::shared());
    };
    const int parts = columns_ / width_;
    if (x.stride == size_t(columns_)) return norm_rows(x.data, x.count * parts, out);
    for (int r = 0; r < x.count; ++r) {
      norm_rows(x.data + r * x.stride, parts, out + size_t(r) * columns_);
    }
  }

 protected:
  int uses() const override { return 1; }

 private:
  CpuNorm norm_;
  int columns_, width_;
};

// Without a node in the graph where nothing changes.
mx::array reshaped(const mx::array& x, const mx::Shape& shape) {
  return x.shape() == shape ? x : mx::reshape(x, shape);
}

mx::array fast_norm(const mx::array& x, const NormLayer& layer) {
  if (!layer.centred) return mx::fast::rms_norm(x, layer.weight, layer.eps);
  const auto bias = layer.bias ? std::optional(*layer.bias) : std::nullopt;
  return mx::fast::layer_norm(x, layer.weight, bias, layer.eps);
}

}  // namespace

mx::array norm(const mx::array& x, const NormLayer& layer) {
  const int width = layer.weight.ndim() == 1 ? layer.weight.shape(0) : 0;
  const bool bias_fits = !layer.bias || layer.bias->shape() == layer.weight.shape();
  if (width == 0 || x.ndim() == 0 || x.shape(-1) % width != 0 || !bias_fits) {
    std::ostringstream text;
    text << "Norm: weight " << layer.weight.shape() << " does not fit " << x.shape()
         << (bias_fits ? "." : " or the bias.");
    throw std::invalid_argument(text.str());
  }
  if (use_own_kernels() && x.dtype() == mx::float32) {
    std::vector<mx::array> inputs{
        reshaped(x, {static_cast<int>(x.size() / x.shape(-1)), x.shape(-1)})};
    for (const mx::array& input : CpuNorm::inputs(layer)) inputs.push_back(input);
    const mx::array normed(inputs[0].shape(), mx::float32,
                           std::make_shared<HeadNorm>(CpuNorm(layer), x.shape(-1), width), inputs);
    return reshaped(normed, x.shape());
  }
  auto parts = x.shape();
  parts.back() = width;
  if (x.shape(-1) != width) parts.insert(parts.end() - 1, x.shape(-1) / width);
  // Norm weights are often wider than the rest; they must not widen what follows.
  const auto normed = fast_norm(reshaped(x, parts), layer);
  return mx::astype(reshaped(normed, x.shape()), x.dtype());
}

}  // namespace mlxd::kernels
