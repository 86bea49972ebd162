// Checkpoints that keep together what a model has apart, or the reverse: tensors are renamed, cut
// and stacked before layers take them. Nothing changes where a checkpoint has the layout already.
#pragma once

#include <string_view>
#include <vector>

#include "nn/weights.h"

namespace mlxd::nn {

struct RowsOf {
  Weights layer;
  int rows;
};

/// Cuts the linear layer `fused`, dense or quantized, into layers of so many of its rows each, in
/// order. With `runs` above 1 the rows come in that many runs, each of them so cut, and a layer
/// gets its part of every run. Throws when it has another number of rows.
void split_rows(const Weights& fused, const std::vector<RowsOf>& parts, int runs = 1);

/// Moves a layer, if it is there.
void rename(const Weights& from, const Weights& to);

/// Whether the convolution `conv` is in the checkpoint as PyTorch has it, [channels, 1, taps], not
/// as MLX has it, [channels, taps, 1].
bool has_torch_axes(const Weights& conv);

/// Stacks the linear layers `experts / e / name` of `count` experts, dense or quantized, to
/// `stacked`, as SwitchLinear takes it. Throws when one of them is missing.
void stack_experts(const Weights& experts, int count, std::string_view name,
                   const Weights& stacked);

/// Cuts `fused` [heads * (keys + values), latent], dense or quantized, which makes keys and values
/// of a compressed memory, into `values` [heads, values, latent] and the transposed `keys` [heads,
/// latent, keys]. Those are dense: rows that are quantized in groups cannot be read as columns.
void split_latent_heads(const Weights& fused, int heads, const Weights& keys, int key_rows,
                        const Weights& values, int value_rows);

}  // namespace mlxd::nn
