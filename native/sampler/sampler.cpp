// Sends each row of a batch through the rules it asks for. Engine thread only.
#include "sampler/sampler.h"

#include <algorithm>
#include <functional>

#include "sampler/rules.h"
#include "sampler/uniform.h"

namespace mlxd {
namespace {

using Rows = std::vector<SamplerRow>;
using Indices = std::vector<int>;

// Below this the division by the temperature could overflow, and the best token has all the weight
// anyway.
constexpr float kGreedyBelow = 1e-6f;

bool greedy(const SamplerRow& row) { return row.params.temperature < kGreedyBelow; }
bool asks_top_k(const SamplerRow& row) { return row.params.top_k > 0; }
bool asks_top_p(const SamplerRow& row) { return row.params.top_p < 1.0f; }
bool asks_min_p(const SamplerRow& row) { return row.params.min_p > 0.0f; }

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

mx::array best_tokens(const mx::array& logits) {
  return mx::astype(mx::argmax(logits, 1), mx::int32);
}

/// Tokens [R] of rows that all want chance.
mx::array random_tokens(const mx::array& logits, const Rows& rows) {
  auto exact = mx::astype(logits, mx::float32);
  auto temperatures = values(rows, [](const SamplerRow& r) { return r.params.temperature; });
  auto weights = mx::softmax(temper(exact, temperatures), 1, true);
  const auto asks_any = [](const SamplerRow& row) {
    return asks_top_k(row) || asks_top_p(row) || asks_min_p(row);
  };
  if (std::any_of(rows.begin(), rows.end(), asks_any)) {
    auto probabilities = mx::softmax(exact, 1, true);
    auto stays = mx::greater_equal(probabilities, candidate_floors(probabilities, rows));
    weights = mx::where(stays, weights, mx::array(0.0f));
  }
  return draw(weights,
              values(rows, [](const SamplerRow& r) { return uniform(r.params.seed, r.position); }));
}

mx::array sample_tokens(const mx::array& logits, const Rows& rows) {
  const Indices certain = where(rows, greedy);
  if (certain.size() == rows.size()) return best_tokens(logits);
  if (certain.empty()) return random_tokens(logits, rows);
  const Indices random = where(rows, [](const SamplerRow& row) { return !greedy(row); });
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

Samples sample(const mx::array& logits, const Rows& rows) {
  auto tokens = sample_tokens(logits, rows);
  return {tokens, score_rows(logits, tokens, rows)};
}

std::vector<Sampled> read(const Samples& samples) {
  const Token* tokens = samples.tokens.data<Token>();
  std::vector<Sampled> all;
  for (size_t i = 0; i < samples.tokens.size(); ++i) all.push_back({tokens[i], {}});
  if (!samples.scores) return all;
  const Scores& scores = *samples.scores;
  const int width = scores.tokens.shape(1);
  for (size_t i = 0; i < scores.rows.size(); ++i) {
    const Token* token = scores.tokens.data<Token>() + i * width;
    const float* logprob = scores.logprobs.data<float>() + i * width;
    for (int n = 0; n <= scores.wanted[i]; ++n) {
      all[scores.rows[i]].scores.push_back({token[n], logprob[n]});
    }
  }
  return all;
}

}  // namespace mlxd
