// Memory for the weights of models: many matrices, made one after another and freed together.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace mlxd::kernels::cpu {

/// Bytes that begin at a multiple of 64. They lie in large chunks on huge pages where the system
/// has those: a step reads all weights once, and with pages of 4 KiB walks the tables for each.
class WeightMemory {
 public:
  /// Throws std::bad_alloc.
  explicit WeightMemory(size_t bytes);

  uint8_t* data() const { return data_.get(); }

 private:
  std::shared_ptr<uint8_t> data_;  // keeps the whole chunk
};

}  // namespace mlxd::kernels::cpu
