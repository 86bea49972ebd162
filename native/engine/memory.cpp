// See memory.h.
#include "engine/memory.h"

#include <algorithm>
#include <ranges>

#include "kernels/settings.h"

#if defined(__GLIBC__)
#include <malloc.h>
#endif

namespace mlxd {
namespace {

// What comes after a rest finds memory ready for so many: a prompt of 512 tokens and a reply.
constexpr int kNextPositions = 640;

std::string megabytes(size_t bytes) { return std::to_string(bytes >> 20) + " MB"; }

size_t prefix_budget(const MemoryLimits& limits, size_t fixed) {
  const size_t left = limits.total - std::min(limits.total, fixed);
  return std::min(limits.prefixes.value_or(left / 4), left);
}

}  // namespace

size_t held_memory() {
  return mx::get_active_memory() + kernels::packed_bytes() + kernels::kv_bytes();
}

void release_free_memory() {
  mx::clear_cache();
  kernels::trim_kv();
#if defined(__GLIBC__)
  malloc_trim(0);  // other C libraries give back by themselves
#endif
}

bool is_out_of_memory(const std::string& error) {
  return error == "std::bad_alloc" || error.find("malloc") != std::string::npos ||
         error.find("Insufficient Memory") != std::string::npos;
}

int most_positions(const SequenceCache& empty, const MemoryBudget& budget, int positions) {
  const auto lengths = std::views::iota(1, positions + 1);
  const auto fits = [&](int length) { return budget.fits_alone(empty.bytes_for(length)); };
  return static_cast<int>(std::ranges::partition_point(lengths, fits) - lengths.begin());
}

Memory::Memory(const Model& model, int context_length, const MemoryLimits& limits)
    : empty_(model.make_cache()),
      context_length_(context_length),
      budget_(limits.total, held_memory()),
      prefixes_(prefix_budget(limits, held_memory())) {}

std::optional<Failure> Memory::check(Request& request) const {
  const auto prompt = request.tokens.size();
  const int most = most_positions(empty_, budget_, context_length_);
  if (most == context_length_ || prompt >= static_cast<size_t>(context_length_)) return {};
  if (prompt >= static_cast<size_t>(most)) {
    return Failure{"context_length_exceeded",
                   "your prompt resulted in " + std::to_string(prompt) +
                       " tokens, and the memory limit of " + megabytes(budget_.limit()) +
                       " has room for " + std::to_string(most) +
                       ", completion included: shorten the prompt, raise --memory-limit or, on a "
                       "CPU, lower --kv-bits"};
  }
  request.max_tokens = std::min(request.max_tokens, most - static_cast<int>(prompt));
  return std::nullopt;
}

size_t Memory::growth(int from, int to) const {
  return empty_.bytes_for(to) - empty_.bytes_for(from);
}

bool Memory::make_room(size_t more) {
  while (!budget_.fits(held_memory(), more)) {
    if (!prefixes_.evict()) return false;
  }
  return true;
}

void Memory::give_back() {
  while (prefixes_.evict()) {
  }
  release_free_memory();
}

void Memory::rest() {
  SequenceCache next = empty_.prefix(0);
  const int positions = std::min(kNextPositions, context_length_);
  if (budget_.fits(held_memory(), growth(0, positions))) next.prepare(positions);
  release_free_memory();
}

void Memory::step_begins() { mx::reset_peak_memory(); }

void Memory::step_ends() { budget_.observe_step(mx::get_active_memory(), mx::get_peak_memory()); }

}  // namespace mlxd
