// What the engine knows of a model. Models see tensors and caches, never requests, samplers or
// threads.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "loader/config.h"
#include "nn/step.h"
#include "nn/weights.h"

namespace mlxd {

class Model {
 public:
  virtual ~Model() = default;

  /// Hidden states [T, hidden_size] of every token of the step, as the last block leaves them.
  /// Appends to the step's caches.
  virtual mx::array forward(const Step& step) const = 0;

  /// Logits [N, vocab_size] of such hidden states [N, hidden_size].
  virtual mx::array logits(const mx::array& hidden) const = 0;

  /// An empty cache for one sequence.
  virtual SequenceCache make_cache() const = 0;
};

/// Builds the model that `config.model_type` names. Throws std::runtime_error that lists the
/// supported types for an unknown one.
std::unique_ptr<Model> make_model(const Config& config, const nn::Weights& weights);

/// The `model_type`s of the registry, sorted.
std::vector<std::string> supported_model_types();

}  // namespace mlxd
