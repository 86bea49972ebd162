// The model families, one function a file; registry.cpp puts them in its table.
#pragma once

#include <memory>

#include "models/model.h"

namespace mlxd {

std::unique_ptr<Model> make_apertus(const Config& c, const nn::Weights& w);
std::unique_ptr<Model> make_cohere(const Config& c, const nn::Weights& w);
std::unique_ptr<Model> make_cohere2(const Config& c, const nn::Weights& w);
std::unique_ptr<Model> make_deepseek_v2(const Config& c, const nn::Weights& w);
std::unique_ptr<Model> make_deepseek_v3(const Config& c, const nn::Weights& w);
std::unique_ptr<Model> make_ernie4_5(const Config& c, const nn::Weights& w);
std::unique_ptr<Model> make_exaone4(const Config& c, const nn::Weights& w);
std::unique_ptr<Model> make_falcon_h1(const Config& c, const nn::Weights& w);
std::unique_ptr<Model> make_gemma(const Config& c, const nn::Weights& w);
std::unique_ptr<Model> make_gemma2(const Config& c, const nn::Weights& w);
std::unique_ptr<Model> make_gemma3(const Config& c, const nn::Weights& w);
std::unique_ptr<Model> make_glm4(const Config& c, const nn::Weights& w);
std::unique_ptr<Model> make_glm4_moe(const Config& c, const nn::Weights& w);
std::unique_ptr<Model> make_gpt_oss(const Config& c, const nn::Weights& w);
std::unique_ptr<Model> make_granite(const Config& c, const nn::Weights& w);
std::unique_ptr<Model> make_hunyuan_v1_dense(const Config& c, const nn::Weights& w);
std::unique_ptr<Model> make_internlm2(const Config& c, const nn::Weights& w);
std::unique_ptr<Model> make_internlm3(const Config& c, const nn::Weights& w);
std::unique_ptr<Model> make_lfm2(const Config& c, const nn::Weights& w);
std::unique_ptr<Model> make_llama(const Config& c, const nn::Weights& w);
std::unique_ptr<Model> make_minicpm(const Config& c, const nn::Weights& w);
std::unique_ptr<Model> make_ministral3(const Config& c, const nn::Weights& w);
std::unique_ptr<Model> make_mistral(const Config& c, const nn::Weights& w);
std::unique_ptr<Model> make_mixtral(const Config& c, const nn::Weights& w);
std::unique_ptr<Model> make_olmo2(const Config& c, const nn::Weights& w);
std::unique_ptr<Model> make_olmo3(const Config& c, const nn::Weights& w);
std::unique_ptr<Model> make_phi3(const Config& c, const nn::Weights& w);
std::unique_ptr<Model> make_phimoe(const Config& c, const nn::Weights& w);
std::unique_ptr<Model> make_qwen2(const Config& c, const nn::Weights& w);
std::unique_ptr<Model> make_qwen2_moe(const Config& c, const nn::Weights& w);
std::unique_ptr<Model> make_qwen3(const Config& c, const nn::Weights& w);
std::unique_ptr<Model> make_qwen3_moe(const Config& c, const nn::Weights& w);
std::unique_ptr<Model> make_qwen3_next(const Config& c, const nn::Weights& w);
std::unique_ptr<Model> make_seed_oss(const Config& c, const nn::Weights& w);
std::unique_ptr<Model> make_smollm3(const Config& c, const nn::Weights& w);
std::unique_ptr<Model> make_stablelm(const Config& c, const nn::Weights& w);
std::unique_ptr<Model> make_starcoder2(const Config& c, const nn::Weights& w);

}  // namespace mlxd
