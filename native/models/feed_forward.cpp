// See feed_forward.h.
#include "models/feed_forward.h"

#include "nn/layout.h"

namespace mlxd {

GatedMlp::GatedMlp(const Config& c, const nn::Weights& w, const MlpPlace& place)
    : gate_up_(place.before,
               nn::Linear(w / "gate_proj", c.hidden_size, c.intermediate_size, place.bias),
               nn::Linear(w / "up_proj", c.hidden_size, c.intermediate_size, place.bias),
               c.activation()),
      down_(nn::Linear(w / "down_proj", c.intermediate_size, c.hidden_size, place.bias),
            place.after, place.scale) {}

SharedExpert::SharedExpert(const Config& c, const nn::Weights& w, int intermediate,
                           std::optional<nn::Linear> gate)
    : gate_up_(std::nullopt, nn::Linear(w / "gate_proj", c.hidden_size, intermediate),
               nn::Linear(w / "up_proj", c.hidden_size, intermediate), c.activation()),
      down_(w / "down_proj", intermediate, c.hidden_size),
      gate_(std::move(gate)) {}

mx::array SharedExpert::operator()(const mx::array& normed, const mx::array& residual) const {
  const mx::array y = down_(gate_up_(normed));
  return residual + (gate_ ? mx::sigmoid((*gate_)(normed)) * y : y);
}

nn::Experts take_experts(const Config& c, const nn::Weights& w, int experts, int intermediate,
                         const ExpertNames& names) {
  const nn::Weights stacked = w / "switch_mlp";
  nn::stack_experts(w / "experts", experts, names.gate, stacked / "gate_proj");
  nn::stack_experts(w / "experts", experts, names.up, stacked / "up_proj");
  nn::stack_experts(w / "experts", experts, names.down, stacked / "down_proj");
  return nn::Experts(stacked, {experts, c.hidden_size, intermediate, c.activation()});
}

}  // namespace mlxd
