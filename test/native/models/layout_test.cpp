// Tensors cut and stacked before layers take them.
#include "nn/layout.h"

#include <doctest/doctest.h>

#include "errors.h"

namespace mlxd::test {

namespace {

using Tensors = std::unordered_map<std::string, mx::array>;

nn::Weights checkpoint(Tensors tensors) {
  const nn::QuantizationScheme four{32, 4}, eight{64, 8};
  nn::Checkpoint checkpoint;
  checkpoint.folder = "F";
  checkpoint.tensors = std::move(tensors);
  checkpoint.quantization = nn::Quantization{four, {{"fused", eight}}};
  return nn::Weights(std::move(checkpoint));
}

mx::array numbers(int rows, int columns) {
  return mx::reshape(mx::arange(rows * columns), {rows, columns});
}

}  // namespace

TEST_CASE("a fused layer is cut by rows, with all that belongs to it and its scheme") {
  const nn::Weights w = checkpoint({{"fused.weight", numbers(5, 2)},
                                    {"fused.scales", numbers(5, 1)},
                                    {"fused.bias", mx::arange(5)},
                                    {"other.weight", numbers(1, 1)}});
  nn::split_rows(w / "fused", {{w / "a", 2}, {w / "b", 3}});
  CHECK_FALSE((w / "fused").has("weight"));
  CHECK(mx::array_equal((w / "a").take("weight", {2, 2}), numbers(2, 2)).item<bool>());
  CHECK(mx::array_equal((w / "b").take("scales", {3, 1}), mx::reshape(mx::arange(2, 5), {3, 1}))
            .item<bool>());
  CHECK(mx::array_equal((w / "b").take("bias", {3}), mx::arange(2, 5)).item<bool>());
  CHECK((w / "b").scheme()->bits == 8);
  CHECK((w / "other").scheme()->bits == 4);
}

TEST_CASE("what is cut already stays, and another number of rows is refused by name") {
  const nn::Weights apart = checkpoint({{"a.weight", numbers(2, 2)}});
  nn::split_rows(apart / "fused", {{apart / "a", 2}});
  CHECK((apart / "a").has("weight"));
  const nn::Weights w = checkpoint({{"fused.weight", numbers(5, 2)}});
  const std::string error =
      error_of([&] { nn::split_rows(w / "fused", {{w / "a", 2}, {w / "b", 2}}); });
  CHECK(says(error, "fused.weight"));
  CHECK(says(error, "4 rows"));
  const nn::Weights twice =
      checkpoint({{"fused.weight", numbers(2, 2)}, {"a.weight", numbers(2, 2)}});
  CHECK(says(error_of([&] { nn::split_rows(twice / "fused", {{twice / "a", 2}}); }), "a.weight"));
}

TEST_CASE("experts that lie apart are stacked in their order, and none may be missing or another") {
  const nn::Weights w = checkpoint({{"experts.0.up.weight", numbers(2, 3)},
                                    {"experts.1.up.weight", mx::zeros({2, 3}, mx::int32)}});
  nn::stack_experts(w / "experts", 2, "up", w / "stacked");
  const mx::array both = (w / "stacked").take("weight", {2, 2, 3});
  CHECK(mx::array_equal(mx::take(both, 0, 0), numbers(2, 3)).item<bool>());
  const nn::Weights fewer = checkpoint({{"experts.0.up.weight", numbers(2, 3)}});
  CHECK(says(error_of([&] { nn::stack_experts(fewer / "experts", 2, "up", fewer / "stacked"); }),
             "experts.1.up.weight"));
  const nn::Weights uneven =
      checkpoint({{"experts.0.up.weight", numbers(2, 3)}, {"experts.1.up.weight", numbers(3, 3)}});
  CHECK(says(error_of([&] { nn::stack_experts(uneven / "experts", 2, "up", uneven / "stacked"); }),
             "experts.1.up"));
}

TEST_CASE("what makes keys and values of latents is cut by heads, keys transposed") {
  const nn::Weights w = checkpoint({{"kv.weight", mx::astype(numbers(10, 3), mx::float32)}});
  nn::split_latent_heads(w / "kv", 2, w / "keys", 2, w / "values", 3);
  const mx::array keys = (w / "keys").take("weight", {2, 3, 2});
  const mx::array values = (w / "values").take("weight", {2, 3, 3});
  const mx::array rows = mx::astype(numbers(10, 3), mx::float32);
  const auto cut = [&](int from, int to) { return mx::slice(rows, {from, 0}, {to, 3}); };
  CHECK(mx::array_equal(mx::take(keys, 0, 0), mx::transpose(cut(0, 2))).item<bool>());
  CHECK(mx::array_equal(mx::take(keys, 1, 0), mx::transpose(cut(5, 7))).item<bool>());
  CHECK(mx::array_equal(mx::take(values, 0, 0), cut(2, 5)).item<bool>());
  CHECK(mx::array_equal(mx::take(values, 1, 0), cut(7, 10)).item<bool>());
  const nn::Weights other = checkpoint({{"kv.weight", numbers(9, 3)}});
  CHECK(says(error_of([&] {
               nn::split_latent_heads(other / "kv", 2, other / "keys", 2, other / "values", 3);
             }),
             "10 rows"));
}

TEST_CASE("of quantized ones values keep their scheme, and keys lose nothing") {
  const mx::array dense = mx::random::normal({8, 64});
  const auto parts = mx::quantize(dense, 64, 8);
  const nn::Weights w = checkpoint(
      {{"fused.weight", parts[0]}, {"fused.scales", parts[1]}, {"fused.biases", parts[2]}});
  nn::split_latent_heads(w / "fused", 2, w / "keys", 3, w / "values", 1);
  CHECK((w / "values").scheme()->bits == 8);
  CHECK((w / "values").take("scales", {2, 1, 1}).size() == 2);
  const mx::array rows = mx::dequantize(parts[0], parts[1], parts[2], 64, 8);
  const mx::array keys = (w / "keys").take("weight", {2, 64, 3});
  CHECK(mx::array_equal(mx::take(keys, 1, 0), mx::transpose(mx::slice(rows, {4, 0}, {7, 64})))
            .item<bool>());
}

}  // namespace mlxd::test
