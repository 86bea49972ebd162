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

// The matrix of a layer, exactly, in the type that this device computes in.
mx::array dense_weight(const Weights& layer) {
  const mx::array weight = layer.pull("weight");
  if (!layer.has("scales")) return weight;
  const auto scheme = layer.scheme();
  if (!scheme) layer.fail("is quantized in the checkpoint, but not according to config.json");
  mx::array scales = layer.pull("scales");
  std::optional<mx::array> biases;
  if (layer.has("biases")) biases = layer.pull("biases");
  const mx::Dtype type =
      layer.compute_dtype().value_or(biases ? scales.dtype() : mx::Dtype(mx::bfloat16));
  if (biases) {
    scales = mx::astype(scales, type);
    biases = mx::astype(*biases, type);
  }
  return mx::dequantize(weight, scales, biases, scheme->group_size, scheme->bits,
                        kernels::mode_name(scheme->mode), std::nullopt, type);
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

bool has_torch_axes(const Weights& conv) {
  if (!conv.has("weight")) return false;
  const mx::array weight = conv.pull("weight");
  conv.put("weight", weight);
  return weight.ndim() == 3 && weight.shape(2) != 1;
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

void split_latent_heads(const Weights& fused, int heads, const Weights& keys, int key_rows,
                        const Weights& values, int value_rows) {
  if (!fused.has("weight")) return;
  const auto part = [&](const mx::array& tensor, int from, int to) {
    if (tensor.ndim() != 2 || tensor.shape(0) != heads * (key_rows + value_rows)) {
      fused.fail("does not have the " + std::to_string(heads * (key_rows + value_rows)) +
                 " rows that the config asks for");
    }
    const int columns = tensor.shape(1);
    const mx::array apart = mx::reshape(tensor, {heads, key_rows + value_rows, columns});
    return mx::slice(apart, {0, from, 0}, {heads, to, columns});
  };
  for (const std::string_view name : {"weight", "scales", "biases"}) {
    if (!fused.has(name)) continue;
    const mx::array tensor = fused.pull(name);
    values.put(name, part(tensor, key_rows, key_rows + value_rows));
    fused.put(name, tensor);
  }
  values.quantize_like(fused);
  const mx::array dense = part(dense_weight(fused), 0, key_rows);
  keys.put("weight", mx::contiguous(mx::swapaxes(dense, 1, 2)));
}

}  // namespace mlxd::nn
