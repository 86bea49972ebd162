// Which instruction sets a machine is found to have.
#include "kernels/cpu/isa.h"

#include <cstdlib>
#include <set>
#include <string>

#include "doctest/doctest.h"

using namespace mlxd::kernels::cpu;

TEST_CASE("instruction sets have names of their own, the scalar one first and the best last") {
  const std::vector<Isa> isas = supported_isas();
  CHECK(isas.front() == Isa::scalar);
  CHECK(isas.back() == best_isa());
  std::set<std::string> names;
  for (Isa isa : isas) names.insert(isa_name(isa));
  CHECK(names.size() == isas.size());
}

// Who emulates a CPU knows what it has: the test suite `arm64` does.
TEST_CASE("the best instruction set is the one that the environment says") {
  if (const char* expected = std::getenv("MLXD_EXPECTED_ISA")) {
    CHECK(std::string(isa_name(best_isa())) == expected);
  }
}
