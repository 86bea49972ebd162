// See weights.h.
#include "nn/weights.h"

#include <algorithm>
#include <sstream>
#include <stdexcept>

#include "kernels/settings.h"

namespace mlxd::nn {

namespace {

std::string text(const mx::Shape& shape) {
  std::ostringstream out;
  out << shape;
  return out.str();
}

}  // namespace

Weights::Weights(Checkpoint checkpoint)
    : checkpoint_(std::make_shared<Checkpoint>(std::move(checkpoint))) {}

Weights::Weights(std::shared_ptr<Checkpoint> checkpoint, std::string path)
    : checkpoint_(std::move(checkpoint)), path_(std::move(path)) {}

Weights Weights::operator/(std::string_view name) const {
  return Weights(checkpoint_, full_name(name));
}

Weights Weights::operator/(int index) const { return *this / std::to_string(index); }

std::string Weights::full_name(std::string_view name) const {
  return path_.empty() ? std::string(name) : path_ + "." + std::string(name);
}

bool Weights::has(std::string_view name) const {
  return checkpoint_->tensors.contains(full_name(name));
}

void Weights::fail(const std::string& what) const {
  throw std::runtime_error(checkpoint_->folder + ": " + path_ + " " + what);
}

mx::array Weights::take(std::string_view name, const mx::Shape& shape) const {
  const mx::array tensor = pull(name);
  if (tensor.shape() != shape) {
    (*this / name)
        .fail("has the shape " + text(tensor.shape()) + ", the config asks for " + text(shape));
  }
  if (!kernels::measuring()) mx::eval(tensor);
  if (checkpoint_->on_take) checkpoint_->on_take(tensor.nbytes());
  return tensor;
}

mx::array Weights::take_dense(std::string_view name, const mx::Shape& shape) const {
  const mx::array tensor = take(name, shape);
  if (!mx::issubdtype(tensor.dtype(), mx::floating)) {
    (*this / name).fail("must be of a float type");
  }
  const mx::array cast = mx::astype(tensor, checkpoint_->compute_dtype.value_or(tensor.dtype()));
  if (!kernels::measuring()) mx::eval(cast);
  count_memory(cast.nbytes());
  return cast;
}

mx::array Weights::pull(std::string_view name) const {
  const auto node = checkpoint_->tensors.extract(full_name(name));
  if (node.empty()) (*this / name).fail("is missing from the checkpoint");
  return node.mapped();
}

void Weights::put(std::string_view name, const mx::array& tensor) const {
  if (!checkpoint_->tensors.emplace(full_name(name), tensor).second) {
    (*this / name).fail("is in the checkpoint twice, in two layouts");
  }
}

void Weights::quantize_like(const Weights& other) const {
  if (checkpoint_->quantization) checkpoint_->quantization->overrides[path_] = other.scheme();
}

std::optional<QuantizationScheme> Weights::scheme() const {
  if (!checkpoint_->quantization) return std::nullopt;
  return scheme_of(*checkpoint_->quantization, path_);
}

void Weights::ignore() const {
  std::erase_if(checkpoint_->tensors, [this](const auto& entry) {
    return entry.first == path_ || entry.first.starts_with(path_ + ".");
  });
}

void Weights::expect_all_taken() const {
  std::vector<std::string> left;
  for (const auto& [name, tensor] : checkpoint_->tensors) {
    if (!name.ends_with("rotary_emb.inv_freq")) left.push_back(name);
  }
  if (left.empty()) return;
  const auto first = std::ranges::min(left);
  if (checkpoint_->adapter && (first.ends_with(".lora_a") || first.ends_with(".lora_b"))) {
    throw std::runtime_error(checkpoint_->adapter->folder +
                             ": the model has no linear layer for the adapter's " + first);
  }
  throw std::runtime_error(checkpoint_->folder + ": the model has no place for " +
                           std::to_string(left.size()) + " tensors, such as " + first +
                           "; does model_type in config.json fit the weights?");
}

}  // namespace mlxd::nn
