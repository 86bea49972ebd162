// See feed_forward.h.
#include "models/feed_forward.h"

namespace mlxd {

GatedMlp::GatedMlp(const Config& c, const nn::Weights& w, const MlpPlace& place)
    : gate_up_(
          place.before, nn::Linear(w / "gate_proj", c.hidden_size, c.intermediate_size, place.bias),
          nn::Linear(w / "up_proj", c.hidden_size, c.intermediate_size, place.bias), c.activation),
      down_(nn::Linear(w / "down_proj", c.intermediate_size, c.hidden_size, place.bias),
            place.after, place.scale) {}

}  // namespace mlxd
