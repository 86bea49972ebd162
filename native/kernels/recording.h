// What a stack of layers computes on a CPU, recorded once and then done again in each step as one
// operation: thirty layers as operations of their own cost as much time as a fifth of their
// weights, on the engine thread that makes them and on the stream between them.
#pragma once

#include <memory>
#include <vector>

#include "kernels/cached_attention.h"

namespace mlxd::kernels {

/// While one lives on this thread, each operation stands by itself in the graph.
class RecordingScope {
 public:
  RecordingScope();
  ~RecordingScope();
  RecordingScope(const RecordingScope&) = delete;
  RecordingScope& operator=(const RecordingScope&) = delete;

  /// Whether there is one. What depends on more of a step than its rows and the sequences of its
  /// attentions must then show in the graph as operations of MLX.
  static bool is_open();
};

class Recording;

/// How x [1, K] becomes y [1, N], whose graph was made in one RecordingScope; neither is evaluated.
/// Null unless that is all of our operations on rows, and no shape but the number of rows can vary.
std::shared_ptr<const Recording> record(const mx::array& x, const mx::array& y);

/// How many times it attends.
int attentions(const Recording& recording);

/// The same of x [T, K] -> [T, N]. `spans`: for each attention, in the order of the graph, the
/// sequences that the rows are of. `after`: what must have been computed before, appends to the
/// same pages above all.
mx::array replay(std::shared_ptr<const Recording> recording, const mx::array& x,
                 std::vector<CachedSpan> spans, std::vector<mx::array> after);

}  // namespace mlxd::kernels
