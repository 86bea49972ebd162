// See feed_forward.h.
#include "models/feed_forward.h"

namespace mlxd {

GatedMlp::GatedMlp(const Config& c, const nn::Weights& w, nn::Bias bias)
    : gate_up_(nn::RmsNorm(w / "post_attention_layernorm", c.hidden_size, c.norm_eps),
               nn::Linear(w / "mlp" / "gate_proj", c.hidden_size, c.intermediate_size, bias),
               nn::Linear(w / "mlp" / "up_proj", c.hidden_size, c.intermediate_size, bias),
               c.activation),
      down_(nn::Linear(w / "mlp" / "down_proj", c.intermediate_size, c.hidden_size, bias)) {}

}  // namespace mlxd
