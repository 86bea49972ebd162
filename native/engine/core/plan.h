// What one step computes, in tokens. Engine thread only.
#pragma once

#include <algorithm>
#include <vector>

#include "engine/core/chunk_size.h"
#include "engine/core/sequence.h"

namespace mlxd {

/// The next token of every sequence that decodes, and chunks of prompts.
struct Plan {
  /// `length` inputs of one sequence, at positions `offset` .. `offset + length - 1`.
  struct Row {
    SequencePtr sequence;
    int offset;
    int length;
    int attempt;

    /// Its sequence has ended, or started again, since this was planned.
    bool is_void() const { return sequence->done() || sequence->attempt != attempt; }
    /// Its sequence has taken what follows already: a grammar forced it.
    bool is_answered() const { return sequence->knows(offset + length); }
    /// Whether what follows each of its positions is to be reported with its log-probability.
    bool scores_prompt() const {
      return sequence->scores_prompt() && offset < sequence->prompt_size() - 1;
    }
  };
  std::vector<Row> rows;  // those that sample come first
  int sampling = 0;       // how many of them
  int prompt_tokens = 0;  // in chunks, those computed again included
  Chunk chunk = Chunk::alone;
  bool measures = false;  // with so many prompt tokens that it shows what one costs

  bool idle() const { return rows.empty(); }
  /// Holds a chunk with more of its prompt to come.
  bool has_partial_prompt() const { return sampling < static_cast<int>(rows.size()); }
  bool scores_prompts() const {
    return std::any_of(rows.begin(), rows.end(),
                       [](const Row& row) { return row.scores_prompt(); });
  }
  /// Whether nobody but one sequence is in it.
  bool of_one() const {
    return std::all_of(rows.begin(), rows.end(),
                       [&](const Row& row) { return row.sequence == rows.front().sequence; });
  }
};

}  // namespace mlxd
