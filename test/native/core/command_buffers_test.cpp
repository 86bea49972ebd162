// Which chips get larger command buffers.
#include "engine/core/command_buffers.h"

#include "doctest/doctest.h"

using namespace mlxd;

TEST_CASE("Ultras of three generations get larger command buffers, all others MLX's") {
  for (auto chip : {"Apple M1 Ultra", "Apple M2 Ultra", "Apple M3 Ultra"}) {
    CHECK(command_buffers_for(chip) == CommandBuffers{1000, 400});
  }
  for (auto chip : {"Apple M1", "Apple M1 Max", "Apple M3 Pro", "Apple M4 Max", "Apple M5 Ultra",
                    "Apple M3 Ultra 2", "AMD EPYC", ""}) {
    CAPTURE(chip);
    CHECK(!command_buffers_for(chip));
  }
}
