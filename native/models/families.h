// The model families, one function a file; registry.cpp puts them in its table.
#pragma once

#include <memory>

#include "models/model.h"

namespace mlxd {

std::unique_ptr<Model> make_llama(const Config& c, const nn::Weights& w);
std::unique_ptr<Model> make_mistral(const Config& c, const nn::Weights& w);
std::unique_ptr<Model> make_mixtral(const Config& c, const nn::Weights& w);
std::unique_ptr<Model> make_qwen2(const Config& c, const nn::Weights& w);
std::unique_ptr<Model> make_qwen3(const Config& c, const nn::Weights& w);
std::unique_ptr<Model> make_qwen3_moe(const Config& c, const nn::Weights& w);

}  // namespace mlxd
