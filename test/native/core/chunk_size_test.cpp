// Chunks follow measured time; the test plays the clock.
#include "engine/core/chunk_size.h"

#include "doctest/doctest.h"

using mlxd::Chunk;
using mlxd::ChunkSize;

namespace {

/// What the size settles at on a machine where a step takes `base` seconds and `per_token` more for
/// each prompt token.
int settled(int most, Chunk chunk, double base, double per_token) {
  ChunkSize size(most);
  for (int i = 0; i < 40; ++i) {
    const int tokens = size.tokens(chunk);
    size.observe(chunk, tokens, base + per_token * tokens);
  }
  return size.tokens(chunk);
}

}  // namespace

TEST_CASE("before anything was measured a chunk is small, and never above its limit") {
  CHECK(ChunkSize(512).tokens(Chunk::shared) == 128);
  CHECK(ChunkSize(512).tokens(Chunk::alone) == 128);
  CHECK(ChunkSize(8).tokens(Chunk::shared) == 8);
  CHECK(ChunkSize(8).least() == 8);
  CHECK(ChunkSize(512).least() == 32);
}

TEST_CASE("a chunk settles where its step takes a tenth of a second, a quarter with none beside") {
  CHECK(settled(4096, Chunk::shared, 0, 0.001) == 96);
  CHECK(settled(4096, Chunk::alone, 0, 0.001) == 240);
  CHECK(settled(4096, Chunk::shared, 0.05, 0.0005) == 96);
}

TEST_CASE("limits hold on fast and on slow machines") {
  CHECK(settled(512, Chunk::shared, 0, 1e-6) == 512);
  CHECK(settled(512, Chunk::shared, 0, 1) == 32);
  CHECK(settled(16, Chunk::alone, 0, 1) == 16);
  CHECK(settled(512, Chunk::shared, 0, 0) == 512);
}

TEST_CASE("a single slow step is forgotten") {
  ChunkSize size(512);
  for (int i = 0; i < 10; ++i) size.observe(Chunk::shared, 512, 0.05);
  size.observe(Chunk::shared, 512, 30);
  CHECK(size.tokens(Chunk::shared) == 32);
  for (int i = 0; i < 12; ++i) size.observe(Chunk::shared, 32, 0.003);
  CHECK(size.tokens(Chunk::shared) == 512);
}

TEST_CASE("steps that others took part in say nothing of a prompt alone") {
  ChunkSize size(512);
  for (int i = 0; i < 10; ++i) size.observe(Chunk::alone, 240, 0.24);
  for (int i = 0; i < 10; ++i) size.observe(Chunk::shared, 32, 0.2);
  CHECK(size.tokens(Chunk::alone) == 240);
  CHECK(size.tokens(Chunk::shared) == 32);
}

TEST_CASE("a prompt alone is not cut for a few tokens") {
  ChunkSize size(4096);
  for (int i = 0; i < 10; ++i) size.observe(Chunk::alone, 400, 0.25);
  CHECK(size.tokens_alone(300) == 300);
  CHECK(size.tokens_alone(500) == 500);
  CHECK(size.tokens_alone(501) == 400);
  CHECK(size.tokens_alone(4000) == 400);
  CHECK(ChunkSize(128).tokens_alone(150) == 128);
}
