// Plans become MLX graphs here. Engine thread only.
#include "engine/runner.h"

#include <algorithm>
#include <utility>

namespace mlxd {
namespace {

// Freed buffers pile up in MLX's pool as sequences grow; mlx-lm empties it as often.
constexpr uint64_t kStepsPerCacheClear = 256;

// Positions of a prompt whose logits are held at once.
constexpr int kScoredAtOnce = 64;

mx::array int_array(const std::vector<int>& values) {
  return mx::array(values.begin(), mx::Shape{static_cast<int>(values.size())});
}

/// The place of the sequence's token among those that `previous` samples.
int place_in_flight(const InFlight& previous, const Sequence& sequence) {
  const auto& rows = previous.plan.rows;
  const auto found = std::find_if(rows.begin(), rows.end(), [&](const Plan::Row& row) {
    return row.sequence.get() == &sequence;
  });
  return static_cast<int>(found - rows.begin());
}

}  // namespace

InFlight Runner::build(Plan plan, const InFlight& previous) {
  if (plan.idle()) return {};
  Step step{inputs(plan, previous), {}};
  for (const Plan::Row& row : plan.rows) {
    step.segments.push_back({row.length, row.offset, &live_.at(row.sequence->id()).cache});
  }
  auto hidden = model_.forward(step);
  InFlight built{std::move(plan), std::nullopt, {}};
  if (built.plan.scores_prompts()) built.hidden = hidden;
  if (built.samples()) {
    built.sampled = sampled(built.plan, hidden, previous);
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
  auto wanted = step.samples() ? step.sampled->arrays() : step.state;
  if (step.hidden) wanted.push_back(*step.hidden);
  mx::async_eval(std::move(wanted));
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

std::vector<PromptScores> Runner::score_prompts(const InFlight& step) const {
  std::vector<PromptScores> all;
  if (!step.hidden) return all;
  int begin = 0;
  for (const Plan::Row& row : step.plan.rows) {
    const int end = begin + row.length;
    if (row.scores_prompt() && !row.is_void()) {
      all.push_back(
          score_prompt(row, mx::slice(*step.hidden, {begin, 0}, {end, step.hidden->shape(1)})));
    }
    begin = end;
  }
  return all;
}

/// `hidden` [row.length, hidden_size].
PromptScores Runner::score_prompt(const Plan::Row& row, const mx::array& hidden) const {
  const Sequence& sequence = *row.sequence;
  PromptScores scores{row.sequence, {}};
  int position = std::max(row.offset, sequence.scored);
  const int last = std::min(row.offset + row.length, sequence.prompt_size() - 1);
  while (position < last) {
    const int end = std::min(position + kScoredAtOnce, last);
    std::vector<Token> next;
    for (int i = position; i < end; ++i) next.push_back(sequence.token(i + 1));
    auto rows = mx::slice(hidden, {position - row.offset, 0}, {end - row.offset, hidden.shape(1)});
    const Scores scored = score_known(model_.logits(rows), next, *sequence.request.prompt_logprobs);
    mx::eval(scored.tokens, scored.logprobs);
    for (auto& entries : read(scored)) scores.tokens.push_back(std::move(entries));
    position = end;
  }
  return scores;
}

/// The step's input tokens [T]: of the prompt, of the sampled tokens in flight, or the last ones
/// read.
mx::array Runner::inputs(const Plan& plan, const InFlight& previous) const {
  std::vector<int> known;   // tokens that are on the CPU
  std::vector<int> source;  // for each input its place in {in flight, known}
  const int in_flight = previous.plan.sampling;
  bool same_rows = static_cast<int>(plan.rows.size()) == in_flight;
  for (const Plan::Row& row : plan.rows) {
    for (int position = row.offset; position < row.offset + row.length; ++position) {
      const bool is_known = row.sequence->knows(position);
      const int place = is_known ? in_flight + static_cast<int>(known.size())
                                 : place_in_flight(previous, *row.sequence);
      same_rows = same_rows && place == static_cast<int>(source.size());
      source.push_back(place);
      if (is_known) known.push_back(row.sequence->token(position));
    }
  }
  if (same_rows) return previous.sampled->tokens;
  if (known.size() == source.size()) return int_array(known);
  const mx::array& sampled = previous.sampled->tokens;
  const auto all = known.empty() ? sampled : mx::concatenate({sampled, int_array(known)});
  return mx::take(all, int_array(source), 0);
}

/// Samples after the last token of each row that samples, of `hidden` [T, hidden_size].
Samples Runner::sampled(const Plan& plan, const mx::array& hidden, const InFlight& previous) const {
  std::vector<int> last_of_row;
  std::vector<SamplerRow> asked;
  int end = 0;
  for (int i = 0; i < plan.sampling; ++i) {
    const Plan::Row& row = plan.rows[i];
    end += row.length;
    last_of_row.push_back(end - 1);
    const int position = row.offset + row.length;  // of the sampled token
    asked.push_back({row.sequence->request.sampling, static_cast<uint64_t>(position)});
    if (!row.sequence->history) continue;
    const bool in_flight = !row.sequence->knows(position - 1);
    asked.back().seen = row.sequence->history->seen(in_flight);
    if (in_flight) asked.back().in_flight = place_in_flight(previous, *row.sequence);
  }
  const bool all_rows = plan.sampling == hidden.shape(0);
  const auto wanted = all_rows ? hidden : mx::take(hidden, int_array(last_of_row), 0);
  std::optional<mx::array> tokens;
  if (previous.sampled) tokens = previous.sampled->tokens;
  return sample(model_.logits(wanted), asked, tokens);
}

void Runner::begin(RequestId id, std::optional<PrefixCache::Hit> hit) {
  Live live{hit ? std::move(hit->cache) : model_.make_cache(), {}};
  if (hit) live.lease = std::move(hit->lease);
  live_.insert_or_assign(id, std::move(live));
}

const SequenceCache* Runner::cache(RequestId id) const {
  const auto found = live_.find(id);
  return found == live_.end() ? nullptr : &found->second.cache;
}

void Runner::probe() const {
  SequenceCache cache = model_.make_cache();
  mx::array logits = model_.logits(model_.forward({int_array({0}), {{1, 0, &cache}}}));
  mx::eval(logits);
}

void Runner::settle() {
  try {
    mx::synchronize();
  } catch (const std::exception&) {
    // It belongs to steps whose sequences have ended; here it is only taken off the stream.
  }
}

}  // namespace mlxd
