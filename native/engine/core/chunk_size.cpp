// The size of prefill chunks from measured time. Engine thread only.
#include "engine/core/chunk_size.h"

#include <algorithm>

namespace mlxd {
namespace {

// Streams that decode beside a prefill get a token at least this often; a request that comes
// meanwhile waits so long for its turn.
constexpr double kSharedSeconds = 0.1;
// With nobody else there, this is how long a cancel or a newcomer waits.
constexpr double kAloneSeconds = 0.25;

constexpr int kLeast = 32;     // fewer would read all weights for next to nothing
constexpr int kUnknown = 128;  // before anything was measured
constexpr int kMultiple = 16;  // whole blocks of the kernels' rows

}  // namespace

int ChunkSize::least() const { return std::min(kLeast, most_); }

int ChunkSize::tokens(Chunk chunk) const {
  const double cost = seconds_per_token_[static_cast<int>(chunk)];
  if (cost == 0) return std::min(kUnknown, most_);
  const double fitting = (chunk == Chunk::alone ? kAloneSeconds : kSharedSeconds) / cost;
  if (fitting >= most_) return most_;
  const int blocks = static_cast<int>(fitting) / kMultiple;
  return std::max(blocks * kMultiple, least());
}

int ChunkSize::tokens_alone(int left) const {
  const int usual = tokens(Chunk::alone);
  return left <= usual + usual / 4 ? std::min(left, most_) : usual;
}

void ChunkSize::observe(Chunk chunk, int tokens, double seconds) {
  const double cost = std::max(seconds, 1e-9) / tokens;
  double& known = seconds_per_token_[static_cast<int>(chunk)];
  known = known == 0 ? cost : (known + cost) / 2;
}

}  // namespace mlxd
