// See layout.h.
#include "nn/layout.h"

namespace mlxd::nn {

namespace {

// What a linear layer may hold. Rows come first in each.
constexpr std::string_view kTensors[] = {"weight", "scales", "biases", "bias"};

mx::array rows(const mx::array& tensor, int from, int count) {
  mx::Shape start(tensor.ndim(), 0), stop = tensor.shape();
  start[0] = from;
  stop[0] = from + count;
  return mx::slice(tensor, start, stop);
}

}  // namespace

void split_rows(const Weights& fused, const std::vector<RowsOf>& parts) {
  if (!fused.has("weight")) return;
  int total = 0;
  for (const RowsOf& part : parts) total += part.rows;
  for (const std::string_view name : kTensors) {
    if (!fused.has(name)) continue;
    const mx::array tensor = fused.pull(name);
    if (tensor.ndim() == 0 || tensor.shape(0) != total) {
      (fused / name)
          .fail("does not have the " + std::to_string(total) + " rows that the config asks for");
    }
    int from = 0;
    for (const auto& [layer, count] : parts) {
      layer.put(name, rows(tensor, from, count));
      from += count;
    }
  }
  for (const RowsOf& part : parts) part.layer.quantize_like(fused);
}

void stack_experts(const Weights& experts, int count, std::string_view name,
                   const Weights& stacked) {
  const Weights first = experts / 0 / name;
  if (!first.has("weight")) return;
  for (const std::string_view tensor : kTensors) {
    if (!first.has(tensor)) continue;
    std::vector<mx::array> parts;
    for (int e = 0; e < count; ++e) parts.push_back((experts / e / name).pull(tensor));
    for (int e = 1; e < count; ++e) {
      if (parts[e].shape() != parts[0].shape()) {
        (experts / e / name).fail("differs in shape from the same layer of expert 0");
      }
    }
    stacked.put(tensor, mx::stack(parts));
  }
  stacked.quantize_like(first);
}

}  // namespace mlxd::nn
