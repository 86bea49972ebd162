// How much work MLX gives a Metal GPU at once, by the chip. Knows names and numbers, no GPU.
#pragma once

#include <optional>
#include <string_view>

namespace mlxd {

/// A command buffer is sent when it holds so many operations, or so much of their inputs.
struct CommandBuffers {
  int operations;
  int megabytes;

  bool operator==(const CommandBuffers&) const = default;
};

/// What suits a chip by its name in `machdep.cpu.brand_string` ("Apple M3 Ultra"), where MLX's own
/// choice does not: on the Ultras of the first three generations a buffer of MLX's size is done
/// before the next one is there. Elsewhere larger ones were measured to gain nothing, or to lose.
std::optional<CommandBuffers> command_buffers_for(std::string_view chip);

}  // namespace mlxd
