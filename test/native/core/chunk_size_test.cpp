// Chunks follow measured time; the test plays the clock.
#include "engine/core/chunk_size.h"

#include "doctest/doctest.h"

using mlxd::ChunkSize;

namespace {

/// What the size settles at on a machine where a step takes `base` seconds and `per_token` more for
/// each prompt token.
int settled(int most, bool shared, double base, double per_token) {
  ChunkSize size(most);
  for (int i = 0; i < 40; ++i) {
    const int tokens = size.tokens(shared);
    size.observe(tokens, base + per_token * tokens, shared);
  }
  return size.tokens(shared);
}

}  // namespace

TEST_CASE("before anything was measured a chunk is small, and never above its limit") {
  CHECK(ChunkSize(512).tokens(true) == 128);
  CHECK(ChunkSize(512).tokens(false) == 128);
  CHECK(ChunkSize(8).tokens(true) == 8);
  CHECK(ChunkSize(8).least() == 8);
  CHECK(ChunkSize(512).least() == 32);
}

TEST_CASE(
    "a chunk settles where its step takes a tenth of a second, half a second with none beside") {
  CHECK(settled(4096, true, 0, 0.001) == 96);
  CHECK(settled(4096, false, 0, 0.001) == 496);
  CHECK(settled(4096, true, 0.05, 0.0005) == 96);
}

TEST_CASE("limits hold on fast and on slow machines") {
  CHECK(settled(512, true, 0, 1e-6) == 512);
  CHECK(settled(512, true, 0, 1) == 32);
  CHECK(settled(16, false, 0, 1) == 16);
  CHECK(settled(512, true, 0, 0) == 512);
}

TEST_CASE("a single slow step is forgotten") {
  ChunkSize size(512);
  for (int i = 0; i < 10; ++i) size.observe(512, 0.05, true);
  size.observe(512, 30, true);
  CHECK(size.tokens(true) == 32);
  for (int i = 0; i < 12; ++i) size.observe(32, 0.003, true);
  CHECK(size.tokens(true) == 512);
}

TEST_CASE("steps that others took part in say nothing of a prompt alone") {
  ChunkSize size(512);
  for (int i = 0; i < 10; ++i) size.observe(496, 0.496, false);
  for (int i = 0; i < 10; ++i) size.observe(32, 0.2, true);
  CHECK(size.tokens(false) == 496);
  CHECK(size.tokens(true) == 32);
}

TEST_CASE("a prompt alone is not cut for a few tokens") {
  ChunkSize size(4096);
  for (int i = 0; i < 10; ++i) size.observe(400, 0.5, false);
  CHECK(size.tokens_alone(300) == 300);
  CHECK(size.tokens_alone(500) == 500);
  CHECK(size.tokens_alone(501) == 400);
  CHECK(size.tokens_alone(4000) == 400);
  CHECK(ChunkSize(128).tokens_alone(150) == 128);
}
