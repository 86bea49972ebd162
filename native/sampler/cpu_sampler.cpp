#include "sampler/cpu_sampler.h"

#include <algorithm>
#include <memory>
#include <numeric>
#include <utility>

#include "kernels/cpu/sampling.h"
#include "kernels/cpu/thread_pool.h"
#include "kernels/cpu_primitive.h"
#include "kernels/cpu_rows.h"
#include "kernels/settings.h"
#include "sampler/row_rules.h"

namespace mlxd {
namespace {

namespace cpu = kernels::cpu;

cpu::DrawRules draw_rules(const SamplerRow& row) {
  const SamplingParams& params = row.params;
  cpu::DrawRules rules{params.temperature, params.top_k, params.top_p, params.min_p,
                       params.typical_p};
  if (excludes_top(row)) rules.xtc_threshold = params.xtc_threshold;
  rules.uniform = token_uniform(row);
  return rules;
}

/// The row's logits as its biases, penalties and grammar leave them.
const float* changed(const SamplerRow& row, const float* logits, int vocab, const Token* previous) {
  if (!row.changes_logits() && !row.allowed) return logits;
  thread_local std::vector<float> copy;
  copy.assign(logits, logits + vocab);
  std::optional<Token> in_flight;
  if (row.in_flight >= 0) in_flight = previous[row.in_flight];
  if (row.changes_logits()) change_logits(row, in_flight, copy.data());
  if (row.allowed) forbid_others(*row.allowed, copy.data(), vocab);
  return copy.data();
}

/// `pool` is null where its threads have rows of their own.
Token token_of(const SamplerRow& row, const float* logits, int vocab, const Token* previous,
               cpu::ThreadPool* pool) {
  const float* x = changed(row, logits, vocab, previous);
  const cpu::Isa isa = cpu::best_isa();
  if (is_greedy(row))
    return pool ? cpu::arg_max(x, vocab, isa, *pool) : cpu::arg_max(x, vocab, isa);
  return cpu::draw_token(x, vocab, draw_rules(row), cpu::best_isa());
}

void score_row(const float* logits, int vocab, Token own, int wanted, Token* tokens,
               float* logprobs) {
  const double all = cpu::log_sum_exp(logits, vocab, cpu::best_isa());
  const auto put = [&](Token token) {
    *tokens++ = token;
    *logprobs++ = static_cast<float>(logits[token] - all);
  };
  put(own);
  if (wanted == 0) return;
  const auto best = cpu::best_of(logits, vocab, wanted);
  for (const cpu::Best& entry : best) put(entry.index);
  // Of broken logits there may be fewer; the rest repeats the token itself.
  for (int i = static_cast<int>(best.size()); i < wanted; ++i) put(own);
}

struct Plan {
  std::vector<SamplerRow> rows;
  std::vector<int> scored;  // for each row its place among the scored ones, or -1
  int scored_count = 0;
  int width = 0;  // of the scores
};

// Inputs logits [B, V], and the tokens of the step before if any row needs them. Outputs tokens
// [B], and with scored rows their tokens and log-probabilities [R, width].
class SampleRows final : public kernels::CpuPrimitive {
 public:
  explicit SampleRows(std::shared_ptr<const Plan> plan) : plan_(std::move(plan)) {}
  DEFINE_NAME(SampleRows)

  std::vector<mx::Shape> output_shapes(const std::vector<mx::array>& inputs) override {
    return shapes(*plan_, inputs[0].shape(0));
  }

  static std::vector<mx::Shape> shapes(const Plan& plan, int rows) {
    if (plan.scored_count == 0) return {{rows}};
    return {{rows}, {plan.scored_count, plan.width}, {plan.scored_count, plan.width}};
  }

 protected:
  void compute(const Arrays& inputs, Arrays& outputs) const override {
    std::vector<float> copy;
    const cpu::Rows logits = kernels::gather_rows(inputs[0], copy);
    const int vocab = inputs[0].shape(1);
    const Token* previous = inputs.size() > 1 ? inputs[1].data<Token>() : nullptr;
    Token* tokens = outputs[0].data<Token>();
    Token* score_tokens = plan_->scored_count > 0 ? outputs[1].data<Token>() : nullptr;
    float* logprobs = plan_->scored_count > 0 ? outputs[2].data<float>() : nullptr;
    auto& pool = cpu::ThreadPool::shared();
    const auto sample = [&](int b, cpu::ThreadPool* others) {
      const SamplerRow& row = plan_->rows[b];
      const float* x = logits.data + b * logits.stride;
      tokens[b] = token_of(row, x, vocab, previous, others);
      if (plan_->scored[b] < 0) return;
      const size_t at = size_t(plan_->scored[b]) * plan_->width;
      const int wanted = std::min(*row.params.logprobs, vocab);
      score_row(x, vocab, tokens[b], wanted, score_tokens + at, logprobs + at);
    };
    if (logits.count == 1) return sample(0, &pool);
    pool.run(logits.count, [&](int b) { sample(b, nullptr); });
  }

 private:
  std::shared_ptr<const Plan> plan_;
};

// Inputs logits [B, V]. Outputs the scores of a known token of each row, [B, 1 + best].
class ScoreRows final : public kernels::CpuPrimitive {
 public:
  ScoreRows(std::vector<Token> tokens, int best) : tokens_(std::move(tokens)), best_(best) {}
  DEFINE_NAME(ScoreRows)

  std::vector<mx::Shape> output_shapes(const std::vector<mx::array>& inputs) override {
    return std::vector<mx::Shape>(2, {inputs[0].shape(0), 1 + best_});
  }

 protected:
  void compute(const Arrays& inputs, Arrays& outputs) const override {
    std::vector<float> copy;
    const cpu::Rows logits = kernels::gather_rows(inputs[0], copy);
    const int vocab = inputs[0].shape(1);
    Token* score_tokens = outputs[0].data<Token>();
    float* logprobs = outputs[1].data<float>();
    cpu::ThreadPool::shared().run(logits.count, [&](int b) {
      const size_t at = size_t(b) * (1 + best_);
      score_row(logits.data + b * logits.stride, vocab, tokens_[b], best_, score_tokens + at,
                logprobs + at);
    });
  }

 private:
  std::vector<Token> tokens_;
  int best_;
};

}  // namespace

bool can_sample_on_cpu(const mx::array& logits) {
  return kernels::use_own_kernels() && logits.dtype() == mx::float32;
}

Samples sample_on_cpu(const mx::array& logits, const std::vector<SamplerRow>& rows,
                      const std::optional<mx::array>& previous) {
  auto plan = std::make_shared<Plan>(Plan{rows, {}, 0, 0});
  Scores scores{{}, {}, mx::array(0), mx::array(0)};
  std::vector<mx::array> inputs{logits};
  for (size_t b = 0; b < rows.size(); ++b) {
    const auto& asked = rows[b].params.logprobs;
    plan->scored.push_back(asked ? plan->scored_count++ : -1);
    if (rows[b].in_flight >= 0 && inputs.size() == 1) inputs.push_back(previous.value());
    if (!asked) continue;
    scores.rows.push_back(static_cast<int>(b));
    scores.wanted.push_back(std::min(*asked, logits.shape(1)));
    plan->width = std::max(plan->width, 1 + scores.wanted.back());
  }
  auto shapes = SampleRows::shapes(*plan, logits.shape(0));
  std::vector<mx::Dtype> types{mx::int32};
  if (plan->scored_count > 0) types.insert(types.end(), {mx::int32, mx::float32});
  auto out = mx::array::make_arrays(std::move(shapes), types, std::make_shared<SampleRows>(plan),
                                    std::move(inputs));
  if (plan->scored_count == 0) return {out[0], std::nullopt};
  scores.tokens = out[1];
  scores.logprobs = out[2];
  return {out[0], std::move(scores)};
}

Scores score_on_cpu(const mx::array& logits, const std::vector<Token>& tokens, int best) {
  const mx::Shape shape{logits.shape(0), 1 + best};
  auto out = mx::array::make_arrays({shape, shape}, {mx::int32, mx::float32},
                                    std::make_shared<ScoreRows>(tokens, best), {logits});
  std::vector<int> rows(tokens.size());
  std::iota(rows.begin(), rows.end(), 0);
  return {std::move(rows), std::vector<int>(tokens.size(), best), out[0], out[1]};
}

}  // namespace mlxd
