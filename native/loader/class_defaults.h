// What published configs leave to the default values of their class in transformers. No MLX here.
#pragma once

#include "loader/json.h"

namespace mlxd {

/// `config`, of a model or of one with a language model inside, with the members added that its
/// class has and it lacks; as it is for a family whose configs are whole.
json::Value with_class_defaults(json::Value config);

}  // namespace mlxd
