// See layout.h.
#include "nn/layout.h"

namespace mlxd::nn {

namespace {

// What a linear layer may hold. Rows come first in each.
constexpr std::string_view kTensors[] = {"weight", "scales", "biases", "bias"};

// Rows [from, from + count) of each of `runs` equal runs.
mx::array rows(const mx::array& tensor, int runs, int from, int count) {
  mx::Shape shape{runs, tensor.shape(0) / runs};
  for (int axis = 1; axis < tensor.ndim(); ++axis) shape.push_back(tensor.shape(axis));
  mx::Shape start(shape.size(), 0), stop = shape;
  start[1] = from;
  stop[1] = from + count;
  return mx::flatten(mx::slice(mx::reshape(tensor, shape), start, stop), 0, 1);
}

}  // namespace

void split_rows(const Weights& fused, const std::vector<RowsOf>& parts, int runs) {
  if (!fused.has("weight")) return;
  int total = 0;
  for (const RowsOf& part : parts) total += part.rows;
  for (const std::string_view name : kTensors) {
    if (!fused.has(name)) continue;
    const mx::array tensor = fused.pull(name);
    if (tensor.ndim() == 0 || tensor.shape(0) != total * runs) {
      (fused / name)
          .fail("does not have the " + std::to_string(total * runs) +
                " rows that the config asks for");
    }
    int from = 0;
    for (const auto& [layer, count] : parts) {
      layer.put(name, rows(tensor, runs, from, count));
      from += count;
    }
  }
  for (const RowsOf& part : parts) part.layer.quantize_like(fused);
}

void rename(const Weights& from, const Weights& to) {
  bool found = false;
  for (const std::string_view name : kTensors) {
    if (!from.has(name)) continue;
    to.put(name, from.pull(name));
    found = true;
  }
  if (found) to.quantize_like(from);
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
