#include "kernels/expert_matrices.h"

#include <algorithm>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "kernels/cpu/matmul.h"
#include "kernels/cpu_primitive.h"
#include "kernels/cpu_rows.h"
#include "kernels/settings.h"

namespace mlxd::kernels {
namespace {

using SharedExperts = std::shared_ptr<const std::vector<SharedMatrix>>;

// The rows of x that are multiplied with one expert, and where their products go.
struct Routed {
  std::vector<int> sources, targets;
};

// experts [T * S]; x has a row for each of them, or one for each S.
std::vector<Routed> route(const int32_t* experts, int count, int choices_per_row, size_t matrices) {
  std::vector<Routed> routed(matrices);
  for (int i = 0; i < count; ++i) {
    if (experts[i] < 0 || size_t(experts[i]) >= matrices) {
      throw std::out_of_range("Expert " + std::to_string(experts[i]) + " of " +
                              std::to_string(matrices) + ".");
    }
    routed[experts[i]].sources.push_back(i / choices_per_row);
    routed[experts[i]].targets.push_back(i);
  }
  return routed;
}

// Inputs x [R, K] and experts [1, T * S]; R is T or T * S.
class ExpertMatmul final : public CpuPrimitive {
 public:
  ExpertMatmul(SharedExperts experts, Precision precision)
      : experts_(std::move(experts)), precision_(precision) {}
  DEFINE_NAME(ExpertMatmul)

  std::vector<mx::Shape> output_shapes(const std::vector<mx::array>& inputs) override {
    return {{inputs[1].shape(1), experts_->front()->format().rows}};
  }

  bool is_equivalent(const mx::Primitive& other) const override {
    const auto& same = static_cast<const ExpertMatmul&>(other);
    return experts_ == same.experts_ && precision_ == same.precision_;
  }

 protected:
  void compute(const Arrays& inputs, Arrays& outputs) const override {
    multiply(*experts_, precision_, inputs[0], inputs[1], outputs[0].data<float>());
  }

 private:
  static void multiply(const std::vector<SharedMatrix>& matrices, Precision precision,
                       const mx::array& x, const mx::array& experts, float* y) {
    const int count = experts.shape(1);
    if (count == 0) return;
    const size_t columns = matrices[0]->format().columns, rows = matrices[0]->format().rows;
    std::vector<float> copy, gathered, products;
    const cpu::Rows from = gather_rows(x, copy);
    const auto routed = route(experts.data<int32_t>(), count, count / x.shape(0), matrices.size());
    for (size_t e = 0; e < matrices.size(); ++e) {
      const auto& [sources, targets] = routed[e];
      gathered.resize(sources.size() * columns);
      products.resize(sources.size() * rows);
      for (size_t i = 0; i < sources.size(); ++i) {
        std::copy_n(from.data + sources[i] * from.stride, columns, &gathered[i * columns]);
      }
      cpu::matmul({{matrices[e].get()}, products.data()},
                  {{gathered.data(), columns, static_cast<int>(sources.size())}},
                  {precision, cpu::best_isa(), cpu::ThreadPool::shared()});
      for (size_t i = 0; i < targets.size(); ++i) {
        std::copy_n(&products[i * rows], rows, y + targets[i] * rows);
      }
    }
  }

  SharedExperts experts_;
  Precision precision_;
};

[[noreturn]] void refuse(const std::string& reason) {
  throw std::invalid_argument("Expert matrices: " + reason);
}

std::string describe(const mx::array& a) {
  std::ostringstream text;
  text << a.shape() << " " << a.dtype();
  return text.str();
}

mx::array part(const mx::array& stack, int expert) { return mx::take(stack, expert, 0); }

void check_stack(const mx::array& weight) {
  if (weight.ndim() != 3 || weight.size() == 0) {
    refuse("weight must be [E, N, K], not " + describe(weight) + ".");
  }
}

}  // namespace

template <class Make>
void ExpertMatrices::pack(int experts, const Make& make) {
  if (measuring()) {
    bytes_ = experts * make(0).bytes();
    return;
  }
  std::vector<SharedMatrix> matrices;
  bytes_ = 0;
  for (int e = 0; e < experts; ++e) {
    const WeightMatrix matrix = make(e);  // refuses what does not fit
    matrices.push_back(*matrix.packed());
    bytes_ += matrix.bytes();
  }
  data_ =
      Packed{std::make_shared<const std::vector<SharedMatrix>>(std::move(matrices)), precision()};
}

void ExpertMatrices::hold(const std::vector<mx::array>& arrays) {
  bytes_ = 0;
  for (const mx::array& array : arrays) bytes_ += array.nbytes();
  if (!measuring()) mx::eval(arrays);
}

ExpertMatrices::ExpertMatrices(const mx::array& weight, mx::Dtype type)
    : rows_(0), columns_(0), data_(Stack{weight, std::nullopt, std::nullopt, {}}) {
  check_stack(weight);
  rows_ = weight.shape(1);
  columns_ = weight.shape(2);
  if (use_own_kernels()) {
    pack(weight.shape(0), [&](int e) { return WeightMatrix(part(weight, e), type); });
  } else {
    const mx::array cast = mx::astype(weight, type);
    std::get<Stack>(data_).weight = cast;
    hold({cast});
  }
}

ExpertMatrices::ExpertMatrices(const mx::array& weight, const mx::array& scales,
                               const std::optional<mx::array>& biases,
                               const QuantizationScheme& scheme)
    : rows_(0), columns_(0), data_(Stack{weight, scales, biases, scheme}) {
  check_stack(weight);
  const bool same = scales.ndim() == 3 && scales.shape(0) == weight.shape(0) &&
                    (!biases || biases->shape() == scales.shape());
  if (!same) refuse("scales and biases do not match weight " + describe(weight) + ".");
  rows_ = weight.shape(1);
  columns_ = scales.shape(2) * scheme.group_size;
  if (use_own_kernels()) {
    pack(weight.shape(0), [&](int e) {
      return WeightMatrix(part(weight, e), part(scales, e),
                          biases ? std::optional(part(*biases, e)) : std::nullopt, scheme);
    });
  } else {
    std::vector<mx::array> arrays{weight, scales};
    if (biases) arrays.push_back(*biases);
    hold(arrays);
  }
}

mx::array ExpertMatrices::matmul(const mx::array& x, const mx::array& experts) const {
  if (experts.ndim() != 2 || experts.dtype() != mx::int32) {
    refuse("experts must be int32 [T, S], not " + describe(experts) + ".");
  }
  const int tokens = experts.shape(0), choices = experts.shape(1);
  const bool fits = x.ndim() == 3 && x.shape(0) == tokens &&
                    (x.shape(1) == 1 || x.shape(1) == choices) && x.shape(2) == columns_;
  if (!fits) refuse("input " + describe(x) + " does not fit experts " + describe(experts) + ".");
  if (auto* packed = std::get_if<Packed>(&data_)) {
    const auto flat = mx::reshape(mx::astype(x, mx::float32), {tokens * x.shape(1), columns_});
    const mx::array y({tokens * choices, rows_}, mx::float32,
                      std::make_shared<ExpertMatmul>(packed->experts, packed->precision),
                      {flat, mx::contiguous(mx::reshape(experts, {1, tokens * choices}))});
    return mx::astype(mx::reshape(y, {tokens, choices, rows_}), x.dtype());
  }
  const auto& [weight, scales, biases, scheme] = std::get<Stack>(data_);
  const auto rows = mx::expand_dims(x, 2);  // [T, 1 or S, 1, K]
  const auto y = scales ? mx::gather_qmm(rows, weight, *scales, biases, std::nullopt, experts, true,
                                         scheme.group_size, scheme.bits, mode_name(scheme.mode))
                        : mx::gather_mm(rows, mx::swapaxes(weight, 1, 2), std::nullopt, experts);
  return mx::astype(mx::squeeze(y, 2), x.dtype());
}

mx::array ExpertMatrices::matmul_each(const mx::array& x) const {
  if (x.ndim() != 3) refuse("input must be [T, E, K], not " + describe(x) + ".");
  const auto* stack = std::get_if<Stack>(&data_);
  if (!stack) {
    return matmul(x, mx::broadcast_to(mx::arange(x.shape(1)), {x.shape(0), x.shape(1)}));
  }
  const auto& [weight, scales, biases, scheme] = *stack;
  const auto rows = mx::swapaxes(x, 0, 1);  // [E, T, K]
  const auto y = scales
                     ? mx::quantized_matmul(rows, weight, *scales, biases, true, scheme.group_size,
                                            scheme.bits, mode_name(scheme.mode))
                     : mx::matmul(rows, mx::swapaxes(weight, 1, 2));
  return mx::astype(mx::swapaxes(y, 0, 1), x.dtype());
}

}  // namespace mlxd::kernels
