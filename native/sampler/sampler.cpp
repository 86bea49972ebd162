// Sends each row of a batch through the rules it asks for. Engine thread only.
#include "sampler/sampler.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <numeric>

#include "sampler/cpu_sampler.h"
#include "sampler/row_rules.h"
#include "sampler/rules.h"

namespace mlxd {
namespace {

using Rows = std::vector<SamplerRow>;
using Indices = std::vector<int>;

bool asks_top_k(const SamplerRow& row) { return row.params.top_k > 0; }
bool asks_top_p(const SamplerRow& row) { return row.params.top_p < 1.0f; }
bool asks_min_p(const SamplerRow& row) { return row.params.min_p > 0.0f; }
bool asks_typical_p(const SamplerRow& row) { return row.params.typical_p < 1.0f; }

Indices where(const Rows& rows, const std::function<bool(const SamplerRow&)>& condition) {
  Indices found;
  for (size_t i = 0; i < rows.size(); ++i) {
    if (condition(rows[i])) found.push_back(static_cast<int>(i));
  }
  return found;
}

Rows pick(const Rows& rows, const Indices& indices) {
  Rows picked;
  for (int i : indices) picked.push_back(rows[i]);
  return picked;
}

template <typename Get>
auto values(const Rows& rows, Get get) {
  std::vector<decltype(get(rows.front()))> all;
  for (const SamplerRow& row : rows) all.push_back(get(row));
  return all;
}

mx::array index_array(const Indices& indices) {
  return mx::array(indices.begin(), mx::Shape{static_cast<int>(indices.size())});
}

mx::array take_rows(const mx::array& x, const Indices& indices) {
  if (static_cast<int>(indices.size()) == x.shape(0)) return x;
  return mx::take(x, index_array(indices), 0);
}

mx::array descending(const mx::array& x) { return mx::negative(mx::sort(mx::negative(x), 1)); }

/// Raises the floors [R, 1] of the rows `indices` to `raised` [size of indices, 1].
mx::array raise(const mx::array& floors, const Indices& indices, const mx::array& raised) {
  auto at = mx::expand_dims(index_array(indices), 1);
  auto higher = mx::maximum(mx::take(floors, index_array(indices), 0), raised);
  return mx::put_along_axis(floors, at, higher, 0);
}

// A row that asks for top_k needs no more than its k best, for top_p too: where these do not sum to
// top_p, top_k is the tighter of the two.
mx::array top_k_and_p_floor(const mx::array& probabilities, const Rows& rows) {
  const int vocab = probabilities.shape(1);
  auto ks = values(rows, [&](const SamplerRow& r) { return std::min(r.params.top_k, vocab); });
  const int most = *std::max_element(ks.begin(), ks.end());
  auto best = descending(mx::topk(probabilities, most, 1));
  auto floors = top_k_floor(best, ks);
  const Indices with_p = where(rows, asks_top_p);
  if (with_p.empty()) return floors;
  auto ps = values(pick(rows, with_p), [](const SamplerRow& r) { return r.params.top_p; });
  return raise(floors, with_p, top_p_floor(take_rows(best, with_p), ps));
}

/// The probability [R, 1] that a token must reach in each row.
mx::array candidate_floors(const mx::array& probabilities, const Rows& rows) {
  auto floors = mx::zeros({probabilities.shape(0), 1});
  if (const Indices some = where(rows, asks_top_k); !some.empty()) {
    auto raised = top_k_and_p_floor(take_rows(probabilities, some), pick(rows, some));
    floors = raise(floors, some, raised);
  }
  const auto only_p = [](const SamplerRow& row) { return asks_top_p(row) && !asks_top_k(row); };
  if (const Indices some = where(rows, only_p); !some.empty()) {
    auto ps = values(pick(rows, some), [](const SamplerRow& r) { return r.params.top_p; });
    auto best = descending(take_rows(probabilities, some));
    floors = raise(floors, some, top_p_floor(best, ps));
  }
  if (const Indices some = where(rows, asks_min_p); !some.empty()) {
    auto ps = values(pick(rows, some), [](const SamplerRow& r) { return r.params.min_p; });
    floors = raise(floors, some, min_p_floor(take_rows(probabilities, some), ps));
  }
  return floors;
}

/// Puts `updated` [size of indices, V] in the place of the rows `indices` of x [R, V].
mx::array replace_rows(const mx::array& x, const Indices& indices, const mx::array& updated) {
  if (static_cast<int>(indices.size()) == x.shape(0)) return updated;
  return mx::scatter(x, index_array(indices), mx::expand_dims(updated, 1), 0);
}

/// Candidates [R, V] as probabilities, without those that `rule` leaves out in the rows that ask.
template <typename Rule>
mx::array leave_out(const mx::array& kept, const Rows& rows, const Indices& asking, Rule rule) {
  if (asking.empty()) return kept;
  auto some = take_rows(kept, asking);
  auto stays = rule(some, pick(rows, asking));
  return replace_rows(kept, asking, mx::where(stays, some, mx::array(0.0f)));
}

/// Probabilities [R, V] at temperature 1, 0 for tokens that are left out.
mx::array candidates(const mx::array& probabilities, const Rows& rows) {
  auto stays = mx::greater_equal(probabilities, candidate_floors(probabilities, rows));
  auto kept = mx::where(stays, probabilities, mx::array(0.0f));
  kept =
      leave_out(kept, rows, where(rows, asks_typical_p), [](const auto& some, const Rows& asking) {
        return typical_tokens(some,
                              values(asking, [](const auto& r) { return r.params.typical_p; }));
      });
  return leave_out(kept, rows, where(rows, excludes_top), [](const auto& some, const Rows& asking) {
    return xtc_tokens(some, values(asking, [](const auto& r) { return r.params.xtc_threshold; }));
  });
}

/// Zeros [R, V] with each value added at its index of R * V.
mx::array scattered(const Indices& at, const std::vector<float>& added, int rows, int vocab) {
  auto flat = mx::zeros({rows * vocab});
  if (!at.empty()) {
    auto updates = mx::array(added.begin(), {static_cast<int>(added.size()), 1});
    flat = mx::scatter_add(flat, index_array(at), updates, 0);
  }
  return mx::reshape(flat, {rows, vocab});
}

/// Ones [R, V] at the tokens in flight.
mx::array in_flight_ones(const Rows& rows, int vocab, const mx::array& previous) {
  Indices source, base;
  for (size_t r = 0; r < rows.size(); ++r) {
    if (rows[r].in_flight < 0) continue;
    source.push_back(rows[r].in_flight);
    base.push_back(static_cast<int>(r) * vocab);
  }
  auto at = mx::add(mx::take(previous, index_array(source), 0), index_array(base));
  const int count = static_cast<int>(rows.size());
  auto ones = mx::ones({static_cast<int>(source.size()), 1});
  return mx::reshape(mx::scatter_add(mx::zeros({count * vocab}), at, ones, 0), {count, vocab});
}

Counts counts_of(const Rows& rows, int vocab, const std::optional<mx::array>& previous) {
  Indices at;
  std::vector<float> recent, generated;
  for (size_t r = 0; r < rows.size(); ++r) {
    for (const SeenToken& seen : rows[r].seen) {
      at.push_back(static_cast<int>(r) * vocab + seen.token);
      recent.push_back(static_cast<float>(seen.recent));
      generated.push_back(static_cast<float>(seen.generated));
    }
  }
  const int count = static_cast<int>(rows.size());
  Counts counts{scattered(at, recent, count, vocab), scattered(at, generated, count, vocab)};
  const auto waits = [](const SamplerRow& row) { return row.in_flight >= 0; };
  if (!std::any_of(rows.begin(), rows.end(), waits)) return counts;
  auto more = in_flight_ones(rows, vocab, previous.value());
  return {mx::add(counts.recent, more), mx::add(counts.generated, more)};
}

mx::array biases_of(const Rows& rows, int vocab) {
  Indices at;
  std::vector<float> biases;
  for (size_t r = 0; r < rows.size(); ++r) {
    for (const TokenBias& entry : rows[r].params.logit_bias) {
      at.push_back(static_cast<int>(r) * vocab + entry.token);
      biases.push_back(entry.bias);
    }
  }
  return scattered(at, biases, static_cast<int>(rows.size()), vocab);
}

/// Logits with the biases and penalties of the rows that ask.
mx::array changed_logits(const mx::array& logits, const Rows& rows,
                         const std::optional<mx::array>& previous) {
  const auto asking = where(rows, [](const SamplerRow& row) { return row.changes_logits(); });
  if (asking.empty()) return logits;
  const Rows some = pick(rows, asking);
  const int vocab = logits.shape(1);
  auto exact = mx::astype(logits, mx::float32);
  auto biased = mx::add(take_rows(exact, asking), biases_of(some, vocab));
  const Penalties penalties{values(some, [](const auto& r) { return r.params.repetition_penalty; }),
                            values(some, [](const auto& r) { return r.params.presence_penalty; }),
                            values(some, [](const auto& r) { return r.params.frequency_penalty; })};
  return replace_rows(exact, asking, penalize(biased, counts_of(some, vocab, previous), penalties));
}

/// Logits that leave the rows with a grammar nothing but the tokens which it allows.
mx::array allowed_logits(const mx::array& logits, const Rows& rows) {
  const auto asking = where(rows, [](const SamplerRow& row) { return row.allowed != nullptr; });
  if (asking.empty()) return logits;
  size_t width = 0;
  for (int row : asking) width = std::max(width, rows[row].allowed->size());
  std::vector<uint32_t> words;
  for (int row : asking) {
    const TokenMask& allowed = *rows[row].allowed;
    words.insert(words.end(), allowed.begin(), allowed.end());
    words.resize(words.size() + width - allowed.size());
  }
  auto exact = mx::astype(logits, mx::float32);
  auto all = mx::array(words.begin(), {static_cast<int>(asking.size()), static_cast<int>(width)},
                       mx::uint32);
  return replace_rows(exact, asking, only_allowed(take_rows(exact, asking), all));
}

mx::array best_tokens(const mx::array& logits) {
  return mx::astype(mx::argmax(logits, 1), mx::int32);
}

/// Tokens [R] of rows that all want chance.
mx::array random_tokens(const mx::array& logits, const Rows& rows) {
  auto exact = mx::astype(logits, mx::float32);
  auto x = temper(exact, values(rows, [](const auto& row) { return row.params.temperature; }));
  const auto asks_any = [](const SamplerRow& row) {
    return asks_top_k(row) || asks_top_p(row) || asks_min_p(row) || asks_typical_p(row) ||
           excludes_top(row);
  };
  if (std::any_of(rows.begin(), rows.end(), asks_any)) {
    auto stays = mx::greater(candidates(mx::softmax(exact, 1, true), rows), mx::array(0.0f));
    x = mx::where(stays, x, mx::array(-std::numeric_limits<float>::infinity()));
  }
  return draw(mx::softmax(x, 1, true), values(rows, token_uniform));
}

mx::array sample_tokens(const mx::array& logits, const Rows& rows) {
  const Indices certain = where(rows, is_greedy);
  if (certain.size() == rows.size()) return best_tokens(logits);
  if (certain.empty()) return random_tokens(logits, rows);
  const Indices random = where(rows, [](const SamplerRow& row) { return !is_greedy(row); });
  auto tokens = mx::concatenate({best_tokens(take_rows(logits, certain)),
                                 random_tokens(take_rows(logits, random), pick(rows, random))});
  Indices place(rows.size());  // of each row in `tokens`
  int next = 0;
  for (int row : certain) place[row] = next++;
  for (int row : random) place[row] = next++;
  return mx::take(tokens, index_array(place), 0);
}

std::optional<Scores> score_rows(const mx::array& logits, const mx::array& tokens,
                                 const Rows& rows) {
  const Indices asking =
      where(rows, [](const SamplerRow& row) { return row.params.logprobs.has_value(); });
  if (asking.empty()) return std::nullopt;
  auto wanted = values(pick(rows, asking), [&](const SamplerRow& row) {
    return std::min(*row.params.logprobs, logits.shape(1));
  });
  const int most = *std::max_element(wanted.begin(), wanted.end());
  auto scored = score(take_rows(logits, asking), take_rows(tokens, asking), most);
  return Scores{asking, std::move(wanted), scored.tokens, scored.logprobs};
}

}  // namespace

std::vector<mx::array> Samples::arrays() const {
  if (!scores) return {tokens};
  return {tokens, scores->tokens, scores->logprobs};
}

Samples sample(const mx::array& logits, const Rows& rows,
               const std::optional<mx::array>& previous) {
  if (can_sample_on_cpu(logits)) return sample_on_cpu(logits, rows, previous);
  auto changed = allowed_logits(changed_logits(logits, rows, previous), rows);
  auto tokens = sample_tokens(changed, rows);
  return {tokens, score_rows(logits, tokens, rows)};
}

Scores score_known(const mx::array& logits, const std::vector<Token>& tokens, int best) {
  const int wanted = std::min(best, logits.shape(1));
  if (can_sample_on_cpu(logits)) return score_on_cpu(logits, tokens, wanted);
  auto scored = score(logits, index_array(tokens), wanted);
  Indices rows(tokens.size());
  std::iota(rows.begin(), rows.end(), 0);
  return {std::move(rows), Indices(tokens.size(), wanted), scored.tokens, scored.logprobs};
}

std::vector<Sampled> read(const Samples& samples) {
  const Token* tokens = samples.tokens.data<Token>();
  std::vector<Sampled> all;
  for (size_t i = 0; i < samples.tokens.size(); ++i) all.push_back({tokens[i], {}});
  if (!samples.scores) return all;
  auto scores = read(*samples.scores);
  for (size_t i = 0; i < scores.size(); ++i) {
    all[samples.scores->rows[i]].scores = std::move(scores[i]);
  }
  return all;
}

std::vector<std::vector<ScoredToken>> read(const Scores& scores) {
  const int width = scores.tokens.shape(1);
  std::vector<std::vector<ScoredToken>> all(scores.rows.size());
  for (size_t i = 0; i < all.size(); ++i) {
    const Token* token = scores.tokens.data<Token>() + i * width;
    const float* logprob = scores.logprobs.data<float>() + i * width;
    for (int n = 0; n <= scores.wanted[i]; ++n) all[i].push_back({token[n], logprob[n]});
  }
  return all;
}

}  // namespace mlxd
