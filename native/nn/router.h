// The router of a mixture of experts: which of them a token goes to, and what each counts.
#pragma once

#include <optional>

#include "nn/linear.h"

namespace mlxd::nn {

/// What a token's logits become before the best are chosen.
/// sparse_mixer (Liu et al., 2024) chooses one after the other, each weighed by a softmax over
/// those of the experts left whose logits come near it; of the options it takes `jitter` only.
enum class RouterScore { softmax, sigmoid, sparse_mixer };

struct RouterOptions {
  int experts;
  int choices;             // of them, for each token
  bool normalized = true;  // the weights of a token's choices are made to sum to 1
  RouterScore score = RouterScore::softmax;
  float scale = 1;   // of the weights, at last
  float jitter = 0;  // half of how far from the best, as a part of the larger, is near

  // DeepSeek's: experts are chosen from the best `chosen_groups` of `groups` runs of them, a run
  // being as good as the sum of its `group_best` best experts.
  int groups = 1, chosen_groups = 1, group_best = 2;
  bool corrected = false;  // scores choose with `e_score_correction_bias` added, and weigh without
};

struct Routing {
  mx::array experts;  // [T, choices] int32
  mx::array weights;  // [T, choices] float32
};

class Router {
 public:
  /// Takes the linear layer of `w` from `inputs` to a logit for each expert.
  Router(const Weights& w, int inputs, const RouterOptions& options);

  /// x [T, inputs], normalized.
  Routing operator()(const mx::array& x) const;

 private:
  mx::array in_chosen_groups(const mx::array& scores) const;

  Linear linear_;
  RouterOptions options_;
  std::optional<mx::array> correction_;  // [experts] float32
};

}  // namespace mlxd::nn
