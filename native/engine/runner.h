// One step: batch -> forward -> sample. Owns the caches of the sequences; the only caller of eval.
// Engine thread only.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "engine/constraints.h"
#include "engine/core/scheduler.h"
#include "engine/prefix_cache.h"
#include "models/model.h"
#include "sampler/sampler.h"

namespace mlxd {

/// A step on its way: built, handed to MLX, not read yet.
struct InFlight {
  Plan plan;
  std::optional<Samples> sampled = {};   // of the rows that sample, when there are such
  std::optional<mx::array> logits = {};  // of these rows, where a grammar must see the step before
  std::vector<mx::array> state = {};     // what a step without sampling computes
  std::optional<mx::array> hidden = {};  // [T, hidden_size], where prompts are to be scored
  // Rows whose grammar allows nothing, and why.
  std::vector<std::pair<int, std::string>> problems = {};
  // Rows whose grammar allows nothing else: the token that is sampled, and those after it.
  std::vector<std::pair<int, std::vector<Token>>> forced = {};
  // What was thrown beside the step, and may be its own.
  std::optional<std::string> error = {};
  std::chrono::steady_clock::time_point started{};

  bool idle() const { return plan.idle(); }
  bool samples() const { return plan.sampling > 0; }
};

/// The log-probabilities of some tokens of a prompt, those that follow its position `scored`.
struct PromptScores {
  SequencePtr sequence;
  std::vector<std::vector<ScoredToken>> tokens;  // each its own, then the best, descending
};

class Runner {
 public:
  explicit Runner(const Model& model) : model_(model) {}

  /// The graph of a step; computes nothing. Sequences whose last token is still being computed in
  /// `previous` take it from there, on the device. Throws what a model throws.
  InFlight build(Plan plan, const InFlight& previous);

  /// Hands a built step to MLX and returns without waiting for it; with grammars it waits for the
  /// tokens of `previous`. Throws what MLX throws, of this step or of those in flight before.
  void launch(InFlight& step, const InFlight& previous);

  /// Waits for a step; returns what was sampled, one a row that samples. Throws what MLX throws.
  std::vector<Sampled> collect(InFlight& step);

  /// Of a step that was collected, and whose scores were not reported yet. A few positions at a
  /// time: a vocabulary for each of a long chunk would take more memory than the chunk itself.
  std::vector<PromptScores> score_prompts(const InFlight& step) const;

  /// A sequence starts: with nothing, or with what was kept of another that began as it does.
  void begin(const Sequence& sequence, std::optional<PrefixCache::Hit> hit);

  /// Of a sequence that has begun; null for others.
  const SequenceCache* cache(RequestId id) const;

  /// Drops a sequence's cache. Steps in flight keep what they use.
  void release(RequestId id);

  /// Computes a token for nobody. Throws what it throws: then nothing can be computed here.
  void probe() const;

  /// Waits until MLX has nothing left to do and forgets its errors, so that they do not surface in
  /// a later step.
  void settle();

 private:
  mx::array inputs(const Plan& plan, const InFlight& previous) const;
  PromptScores score_prompt(const Plan::Row& row, const mx::array& hidden) const;
  mx::array logits(const Plan& plan, const mx::array& hidden) const;
  Samples sampled(const mx::array& logits, const std::vector<SamplerRow>& rows,
                  const InFlight& previous) const;
  void constrain(InFlight& step, std::vector<SamplerRow>& rows, const InFlight& previous);

  struct Live {
    SequenceCache cache;
    PrefixIndex::Lease lease;  // of what the cache began with
  };

  const Model& model_;
  std::unordered_map<RequestId, Live> live_;
  Constraints constraints_;
  uint64_t steps_ = 0;
};

}  // namespace mlxd
