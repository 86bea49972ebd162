// One forward pass as models see it: tokens of several sequences laid end to end, nothing padded.
#pragma once

#include <vector>

#include "cache/sequence_cache.h"

namespace mlxd {

/// `length` tokens of one sequence, at positions `offset` .. `offset + length - 1`.
struct Segment {
  int length;
  int offset;
  SequenceCache* cache;
};

/// A prefill chunk is one long segment, a decode batch many of length one. Linears run on all T
/// rows together, attention per segment.
struct Step {
  mx::array tokens;  // [T] int32 below the vocabulary's size, T = sum of the segments' lengths
  std::vector<Segment> segments;
};

}  // namespace mlxd
