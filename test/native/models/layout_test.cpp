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

}  // namespace mlxd::test
