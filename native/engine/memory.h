// What the engine holds in memory and may hold: measures, judges and evicts prefixes. Who is
// preempted is the loop's decision. Engine thread only.
#pragma once

#include <optional>
#include <string>

#include "engine/core/memory_budget.h"
#include "engine/prefix_cache.h"
#include "models/model.h"

namespace mlxd {

struct MemoryLimits {
  size_t total;                         // bytes, weights included
  std::optional<size_t> prefixes = {};  // of these; a quarter of what the weights leave without
};

class Memory {
 public:
  /// After the load: what is held now stays.
  Memory(const Model& model, int context_length, const MemoryLimits& limits);

  /// Why a request cannot be served even alone. Otherwise its completion ends where memory would.
  std::optional<Failure> check(Request& request) const;

  /// Bytes that a sequence adds as it grows from one number of positions to another.
  size_t growth(int from, int to) const;

  /// Whether there is room for `more` bytes, if need be in place of prefixes.
  bool make_room(size_t more);

  /// Gives back all that can be: after an allocation has failed.
  void give_back();

  /// For a time without work: gives back what nobody holds, but for what the next prompt is written
  /// to. Memory that is new comes slowly, which that prompt would wait for.
  void rest();

  /// Around each step, to learn what one takes in passing.
  void step_begins();
  void step_ends();

  PrefixCache& prefixes() { return prefixes_; }
  const PrefixCache& prefixes() const { return prefixes_; }

 private:
  const SequenceCache empty_;  // knows what positions take
  const int context_length_;
  MemoryBudget budget_;
  PrefixCache prefixes_;
};

/// How many of `positions` a sequence may have when nothing else is left. `empty` is a cache of it.
int most_positions(const SequenceCache& empty, const MemoryBudget& budget, int positions);

/// Bytes that MLX and our own kernels hold, over all engines of the process.
size_t held_memory();

/// Gives back to the system what nobody holds: MLX's pool, and the holes in the allocator's heaps,
/// which grow with the largest steps. Takes milliseconds, and what is asked for next comes slower.
void release_free_memory();

/// Whether an error that MLX or the standard library threw says that memory ran out.
bool is_out_of_memory(const std::string& error);

}  // namespace mlxd
