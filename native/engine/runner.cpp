// Plans become MLX graphs here. Engine thread only.
#include "engine/runner.h"

#include <algorithm>
#include <utility>

#include "mlx/scheduler.h"

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

bool has_grammar(const Plan& plan) {
  const auto end = plan.rows.begin() + plan.sampling;
  return std::any_of(plan.rows.begin(), end,
                     [](const Plan::Row& row) { return row.sequence->request.grammar != nullptr; });
}

/// What each row that samples asks for, but for what its grammar says.
std::vector<SamplerRow> sampler_rows(const Plan& plan, const InFlight& previous) {
  std::vector<SamplerRow> rows;
  for (int i = 0; i < plan.sampling; ++i) {
    const Plan::Row& row = plan.rows[i];
    const int position = row.offset + row.length;  // of the sampled token
    rows.push_back({row.sequence->request.sampling, static_cast<uint64_t>(position)});
    if (!row.sequence->history) continue;
    const bool in_flight = !row.sequence->knows(position - 1);
    rows.back().seen = row.sequence->history->seen(in_flight);
    if (in_flight) rows.back().in_flight = place_in_flight(previous, *row.sequence);
  }
  return rows;
}

}  // namespace

InFlight Runner::build(Plan plan, const InFlight& previous) {
  if (plan.idle()) return {};
  Step step{inputs(plan, previous), {}};
  for (const Plan::Row& row : plan.rows) {
    step.segments.push_back({row.length, row.offset, &live_.at(row.sequence->id()).cache});
  }
  auto hidden = model_.forward(step);
  InFlight built{.plan = std::move(plan)};
  if (built.plan.scores_prompts()) built.hidden = hidden;
  if (built.samples()) {
    auto wanted = logits(built.plan, hidden);
    if (has_grammar(built.plan)) {
      built.logits = std::move(wanted);
    } else {
      built.sampled = sampled(wanted, sampler_rows(built.plan, previous), previous);
    }
    return built;
  }
  for (const Segment& segment : step.segments) {
    const auto state = segment.cache->state();
    built.state.insert(built.state.end(), state.begin(), state.end());
  }
  return built;
}

void Runner::launch(InFlight& step, const InFlight& previous) {
  if (step.idle()) return;
  if (step.logits) {
    // What a grammar allows depends on the token before: it is found while the device computes.
    mx::async_eval(*step.logits);
    if (previous.sampled) mx::eval(previous.sampled->tokens);
    std::vector<SamplerRow> rows = sampler_rows(step.plan, previous);
    constrain(step, rows, previous);
    step.sampled = sampled(*step.logits, rows, previous);
    step.logits.reset();
  }
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

/// After the last token of each row that samples, of `hidden` [T, hidden_size].
mx::array Runner::logits(const Plan& plan, const mx::array& hidden) const {
  if (plan.sampling == hidden.shape(0)) return model_.logits(hidden);
  std::vector<int> last_of_row;
  int end = 0;
  for (int i = 0; i < plan.sampling; ++i) {
    end += plan.rows[i].length;
    last_of_row.push_back(end - 1);
  }
  return model_.logits(mx::take(hidden, int_array(last_of_row), 0));
}

Samples Runner::sampled(const mx::array& logits, const std::vector<SamplerRow>& rows,
                        const InFlight& previous) const {
  std::optional<mx::array> tokens;
  if (previous.sampled) tokens = previous.sampled->tokens;
  return sample(logits, rows, tokens);
}

/// Tells rows with a grammar what it allows. The tokens of `previous` are computed.
void Runner::constrain(InFlight& step, std::vector<SamplerRow>& rows, const InFlight& previous) {
  for (int i = 0; i < step.plan.sampling; ++i) {
    const Plan::Row& row = step.plan.rows[i];
    if (!row.sequence->request.grammar) continue;
    const int position = row.offset + row.length;
    std::optional<Token> last;
    if (!row.sequence->knows(position - 1)) {
      last = previous.sampled->tokens.data<Token>()[place_in_flight(previous, *row.sequence)];
    }
    NextTokens next = constraints_.next(*row.sequence, position, last);
    rows[i].allowed = std::move(next.allowed);
    if (!next.forced.empty()) step.forced.push_back({i, std::move(next.forced)});
    if (next.problem) step.problems.push_back({i, std::move(*next.problem)});
  }
}

void Runner::begin(const Sequence& sequence, std::optional<PrefixCache::Hit> hit) {
  Live live{hit ? std::move(hit->cache) : model_.make_cache(), {}};
  if (hit) live.lease = std::move(hit->lease);
  live_.insert_or_assign(sequence.id(), std::move(live));
  constraints_.begin(sequence);
}

void Runner::release(RequestId id) {
  live_.erase(id);
  constraints_.release(id);
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
  // An error that MLX throws where it queues an operation leaves this counted as under way. It
  // waits for one to end once it counts more than ten: in the end for ever.
  const mx::Stream stream = mx::default_stream(mx::default_device());
  for (int left = mx::scheduler::n_active_tasks(); left > 0; --left) {
    mx::scheduler::notify_task_completion(stream);
  }
}

}  // namespace mlxd
