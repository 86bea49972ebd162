// Plans become MLX graphs here. Engine thread only.
#include "engine/runner.h"

#include <algorithm>
#include <utility>

namespace mlxd {
namespace {

// Freed buffers pile up in MLX's pool as sequences grow; mlx-lm empties it as often.
constexpr uint64_t kStepsPerCacheClear = 256;

mx::array int_array(const std::vector<int>& values) {
  return mx::array(values.begin(), mx::Shape{static_cast<int>(values.size())});
}

/// The row of `previous` that computes the sequence's next input, or -1 if that token has been read
/// already.
int row_in_flight(const InFlight& previous, const Sequence& sequence) {
  if (!previous.samples()) return -1;
  const auto& rows = previous.plan.rows;
  const auto found = std::find_if(rows.begin(), rows.end(), [&](const Plan::Row& row) {
    return row.sequence.get() == &sequence;
  });
  return found == rows.end() ? -1 : static_cast<int>(found - rows.begin());
}

}  // namespace

InFlight Runner::build(Plan plan, const InFlight& previous) {
  if (plan.idle()) return {};
  Step step{inputs(plan, previous), {}};
  for (const Plan::Row& row : plan.rows) {
    step.segments.push_back({row.length, row.offset, &cache_of(*row.sequence)});
  }
  auto hidden = model_.forward(step);
  InFlight built{std::move(plan), std::nullopt, {}};
  if (built.samples()) {
    built.sampled = sampled(built.plan, hidden);
    return built;
  }
  for (const Segment& segment : step.segments) {
    const auto state = segment.cache->state();
    built.state.insert(built.state.end(), state.begin(), state.end());
  }
  return built;
}

void Runner::launch(InFlight& step) {
  if (step.idle()) return;
  if (step.samples()) {
    mx::async_eval(step.sampled->arrays());
  } else {
    mx::async_eval(step.state);
  }
  if (++steps_ % kStepsPerCacheClear == 0) mx::clear_cache();
}

std::vector<Sampled> Runner::collect(InFlight& step) {
  if (!step.samples()) {
    mx::eval(std::exchange(step.state, {}));
    return {};
  }
  mx::eval(step.sampled->arrays());
  return read(*step.sampled);
}

/// The step's input tokens [T]: of the prompt, of the sampled tokens in flight, or the last ones
/// read.
mx::array Runner::inputs(const Plan& plan, const InFlight& previous) const {
  std::vector<int> known;   // tokens that are on the CPU
  std::vector<int> source;  // for each input its place in {in flight, known}
  const int in_flight = previous.samples() ? static_cast<int>(previous.plan.rows.size()) : 0;
  bool same_rows = static_cast<int>(plan.rows.size()) == in_flight;
  for (const Plan::Row& row : plan.rows) {
    const int sampled_at = row.of_prompt() ? -1 : row_in_flight(previous, *row.sequence);
    same_rows = same_rows && sampled_at == static_cast<int>(source.size());
    for (int i = 0; i < row.length; ++i) {
      if (sampled_at >= 0) {
        source.push_back(sampled_at);
        continue;
      }
      source.push_back(in_flight + static_cast<int>(known.size()));
      known.push_back(row.of_prompt() ? row.sequence->request.tokens[row.offset + i]
                                      : row.sequence->last);
    }
  }
  if (same_rows) return previous.sampled->tokens;
  if (known.size() == source.size()) return int_array(known);
  const mx::array& sampled = previous.sampled->tokens;
  const auto all = known.empty() ? sampled : mx::concatenate({sampled, int_array(known)});
  return mx::take(all, int_array(source), 0);
}

/// Samples after the last token of each row of `hidden` [T, hidden_size].
Samples Runner::sampled(const Plan& plan, const mx::array& hidden) const {
  std::vector<int> last_of_row;
  std::vector<SamplerRow> asked;
  int end = 0;
  for (const Plan::Row& row : plan.rows) {
    end += row.length;
    last_of_row.push_back(end - 1);
    asked.push_back(
        {row.sequence->request.sampling, static_cast<uint64_t>(row.offset) + row.length});
  }
  const bool all_rows = last_of_row.size() == static_cast<size_t>(end);
  const auto wanted = all_rows ? hidden : mx::take(hidden, int_array(last_of_row), 0);
  return sample(model_.logits(wanted), asked);
}

SequenceCache& Runner::cache_of(const Sequence& sequence) {
  const auto found = caches_.find(sequence.id());
  if (found != caches_.end()) return found->second;
  return caches_.emplace(sequence.id(), model_.make_cache()).first->second;
}

void Runner::settle() {
  try {
    mx::synchronize();
  } catch (const std::exception&) {
    // It belongs to steps whose sequences have ended; here it is only taken off the stream.
  }
}

}  // namespace mlxd
