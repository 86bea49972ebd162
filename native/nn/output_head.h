// The end of a language model: final norm and the product with the vocabulary's matrix.
#pragma once

#include <optional>

#include "nn/embedding.h"
#include "nn/norm.h"

namespace mlxd::nn {

class OutputHead {
 public:
  /// Without `linear` the model's embedding is the matrix.
  OutputHead(Norm norm, std::optional<Linear> linear)
      : norm_(std::move(norm)), linear_(std::move(linear)) {}

  /// x [N, width], the last block's output -> logits [N, vocabulary].
  mx::array operator()(const mx::array& x, const Embedding& embedding) const;

 private:
  Norm norm_;
  std::optional<Linear> linear_;
};

}  // namespace mlxd::nn
