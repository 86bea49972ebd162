// Which models compute all their layers as one operation of a step.
#include "nn/recorded_layers.h"

#include <doctest/doctest.h>

#include <string>

#include "golden.h"
#include "kernels/settings.h"
#include "mlx/primitives.h"

namespace mlxd::test {

namespace {

std::string last_operation(const std::string& fixture_name) {
  const LoadedModel loaded = load_model(fixture(fixture_name), nullptr);
  SequenceCache cache = loaded.model->make_cache();
  const mx::array hidden = loaded.model->forward({mx::array({1, 2, 3}), {{3, 0, &cache}}});
  return hidden.primitive().name();
}

}  // namespace

TEST_CASE("the layers of a decoder whose leaves are ours are one operation") {
  if (!kernels::use_own_kernels()) return;
  for (const std::string name : {"llama-mxfp4", "qwen3", "gemma3-text-quantized", "starcoder2"}) {
    CAPTURE(name);
    CHECK(last_operation(name) == "Replay");
  }
}

TEST_CASE("layers that route, or that depend on where a token is, are operations of their own") {
  for (const std::string name : {"mixtral-quantized", "ministral3"}) {
    CAPTURE(name);
    CHECK(last_operation(name) != "Replay");
  }
}

TEST_CASE("a model that was loaded for our kernels goes another way when they are not in use") {
  if (!kernels::use_own_kernels()) return;
  const LoadedModel loaded = load_model(fixture("qwen3"), nullptr);
  const Golden golden = read_golden("qwen3");
  kernels::set_kernels(kernels::KernelChoice::mlx);
  const mx::array theirs = Run(*loaded.model).feed(golden.prompt);
  kernels::set_kernels(kernels::KernelChoice::automatic);
  CHECK(max_difference(Run(*loaded.model).feed(golden.prompt), theirs) < 1e-3f);
}

}  // namespace mlxd::test
