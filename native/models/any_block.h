// A block of one kind or another, for models whose layers differ in more than data.
#pragma once

#include <variant>

#include "nn/step.h"

namespace mlxd {

/// `Kinds` are blocks as Decoder takes them.
template <class... Kinds>
class AnyBlock {
 public:
  template <class Kind>
  explicit(false) AnyBlock(Kind kind) : kind_(std::move(kind)) {}

  mx::array operator()(const mx::array& x, const Step& step, int place) const {
    return std::visit([&](const auto& block) { return block(x, step, place); }, kind_);
  }

  void add_caches(mx::Dtype type, SequenceCache& cache) const {
    std::visit([&](const auto& block) { block.add_caches(type, cache); }, kind_);
  }

 private:
  std::variant<Kinds...> kind_;
};

}  // namespace mlxd
