// A fixture of test/fixtures/models, and ways to run its tokens through the model that load_model
// gives.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "models/load.h"

namespace mlxd::test {

/// The folder of fixture `name`. Tests run in the repository's root.
std::filesystem::path fixture(const std::string& name);

/// The names of all fixtures, sorted.
std::vector<std::string> fixture_names();

/// The fixture's adapter; empty if it has none.
std::filesystem::path adapter_of(const std::string& name);

struct Golden {
  std::vector<int> prompt;
  std::vector<int> greedy;  // what follows the prompt
  mx::array logits;         // [prompt, vocabulary]
};

Golden read_golden(const std::string& name);

/// One sequence being run through a model.
class Run {
 public:
  explicit Run(const Model& model) : model_(model), cache_(model.make_cache()) {}

  /// The part of a Step that feeds `length` tokens to this sequence.
  Segment segment(int length);

  /// Logits [tokens, vocabulary] of `tokens` fed at once.
  mx::array feed(const std::vector<int>& tokens);

  /// Another sequence, whose first `positions` tokens are those of this one.
  Run prefix(int positions) const;

  /// Feeds its own choice, `count` times, from the last row of `logits` on.
  std::vector<int> greedy(mx::array logits, int count);

 private:
  const Model& model_;
  SequenceCache cache_;
  int offset_ = 0;
};

/// Logits [T, vocabulary] of one step, evaluated.
mx::array logits(const Model& model, const std::vector<int>& tokens, std::vector<Segment> segments);

/// The greatest difference of two arrays of one shape.
float max_difference(const mx::array& a, const mx::array& b);

/// Rows [from, to) of a [T, N] array.
mx::array rows(const mx::array& x, int from, int to);

}  // namespace mlxd::test
