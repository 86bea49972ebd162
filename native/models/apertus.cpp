// Apertus: Llama's block with a norm on each head and an MLP without a gate, whose activation has
// parameters of its own in each layer.
#include <cmath>

#include "models/block.h"
#include "models/decoder.h"
#include "models/families.h"

namespace mlxd {

namespace {

/// xIELU (Huang and Schlag, 2025): p x^2 + b x above 0, else n (e^min(x, eps) - 1 - x) + b x.
struct Xielu {
  float p, n, b, eps;

  /// Of x's type; computed in float32.
  mx::array operator()(const mx::array& x) const {
    const auto number = [](float value) { return mx::array(value); };
    const mx::array wide = mx::astype(x, mx::float32);
    const mx::array above = number(p) * mx::square(wide);
    const mx::array below = number(n) * (mx::expm1(mx::minimum(wide, number(eps))) - wide);
    const mx::array sum = mx::where(wide > number(0), above, below) + number(b) * wide;
    return mx::astype(sum, x.dtype());
  }
};

class XieluMlp : public FeedForward {
 public:
  XieluMlp(nn::Norm norm, nn::Linear up, Xielu activation, nn::Linear down)
      : norm_(std::move(norm)),
        up_(std::move(up)),
        activation_(activation),
        down_(nn::ResidualLinear(std::move(down))) {}

  mx::array operator()(const mx::array& x, const mx::array& residual) const override {
    return down_(activation_(up_(norm_(x))), residual);
  }

 private:
  nn::Norm norm_;
  nn::Linear up_;
  Xielu activation_;
  nn::ResidualLinear down_;
};

// A tensor of one number, [1] or [].
float number(const nn::Weights& w, const char* name) {
  w.put(name, mx::flatten(w.pull(name)));
  return mx::astype(w.take(name, {1}), mx::float32).item<float>();
}

Xielu take_activation(const nn::Weights& w) {
  const auto softplus = [](float x) { return std::log1p(std::exp(x)); };
  const float b = w.has("beta") ? number(w, "beta") : 0.5f;
  const float eps = w.has("eps") ? number(w, "eps") : -1e-6f;
  return {softplus(number(w, "alpha_p")), b + softplus(number(w, "alpha_n")), b, eps};
}

std::unique_ptr<FeedForward> make_mlp(const Config& c, const nn::Weights& layer, nn::Bias bias) {
  const nn::Weights w = layer / "mlp";
  return std::make_unique<XieluMlp>(
      nn::RmsNorm(layer / "feedforward_layernorm", c.hidden_size, c.norm_eps),
      nn::Linear(w / "up_proj", c.hidden_size, c.intermediate_size, bias),
      take_activation(w / "act_fn"),
      nn::Linear(w / "down_proj", c.intermediate_size, c.hidden_size, bias));
}

void check(const Fields& fields) {
  if (fields.string("hidden_act", "xielu") != "xielu") {
    fields.fail("hidden_act", "other than xielu is not supported");
  }
  if (fields.boolean("post_norm", false)) fields.fail("post_norm", "is not supported");
  if (!fields.boolean("qk_norm", true)) fields.fail("qk_norm", "of false is not supported");
}

}  // namespace

std::unique_ptr<Model> make_apertus(const Config& c, const nn::Weights& w) {
  check(c.fields());
  const nn::Rope rope(c.rope, c.head_dim);
  const BlockBiases biases = biases_of(c);
  return std::make_unique<Decoder<Block>>(c, w, [&](const nn::Weights& layer, int) {
    const nn::Attention attention(attention_shape(c, std::nullopt), rope, head_norms(c, layer));
    const nn::RmsNorm norm(layer / "attention_layernorm", c.hidden_size, c.norm_eps);
    return Block(c, layer, attention, {.norms = {.before_attention = norm}, .biases = biases},
                 make_mlp(c, layer, biases.mlp));
  });
}

}  // namespace mlxd
