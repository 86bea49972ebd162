// A sequence with pages of its own for the attention tests, and what attention must give for it, in
// double precision.
#pragma once

#include <algorithm>
#include <cmath>
#include <memory>
#include <random>
#include <vector>

#include "kernels/cpu/attention.h"
#include "kernels/cpu/random_matrix.h"

namespace mlxd::kernels::cpu {

struct PagedSequence {
  KvFormat format;
  int heads;
  std::vector<float> q, k, v;  // [positions, heads or kv_heads, dim], before rope
  int length = 0;              // positions appended
  std::shared_ptr<KvTable> table = std::make_shared<KvTable>();

  PagedSequence(int heads, const KvFormat& format, int positions, std::mt19937& random)
      : format(format),
        heads(heads),
        q(random_rows(size_t(positions) * heads * format.dim, random)),
        k(random_rows(size_t(positions) * format.kv_heads * format.dim, random)),
        v(random_rows(k.size(), random)) {}

  /// Pages for `count` more positions.
  AttentionSpan reserve(int count) {
    const AttentionSpan span{count, length, table.get()};
    length += count;
    while (table->end_page() * kPagePositions < length) {
      table->pages.push_back(std::make_shared<KvPage>(format));
    }
    return span;
  }

  /// Begins with the first `positions` of `other`: its full pages, and a copy of one that is not.
  void take_prefix(const PagedSequence& other, int positions) {
    length = positions;
    table->pages.assign(other.table->pages.begin(),
                        other.table->pages.begin() + positions / kPagePositions);
    if (positions % kPagePositions == 0) return;
    table->pages.push_back(std::make_shared<KvPage>(format));
    table->pages.back()->copy(*other.table->page(positions / kPagePositions));
  }

  /// One column of a head's output. Keys and values are rounded as the format has them.
  double reference(const Attention& a, int position, int head, int column) const {
    const int dim = format.dim, kv_head = head / (heads / format.kv_heads);
    double sum = a.sinks ? std::exp(double(a.sinks[head])) : 0, total = 0;
    for (int key = a.window ? std::max(0, position - a.window + 1) : 0; key <= position; ++key) {
      const size_t row = (size_t(key) * format.kv_heads + kv_head) * dim;
      double score = 0;
      for (int d = 0; d < dim; ++d) {
        const int group = d / kKeyGroup * kKeyGroup;
        const double key = stored(&k[row + group], std::min(kKeyGroup, dim - group), d - group);
        score += double(q[(size_t(position) * heads + head) * dim + d]) * key;
      }
      score *= a.scale;
      if (a.cap > 0) score = a.cap * std::tanh(score / a.cap);
      const double weight = std::exp(score);
      sum += weight;
      total += weight * stored(&v[row], dim, column);
    }
    return total / sum;
  }

 private:
  // Column `at` of a group of columns x, as the format has it.
  double stored(const float* x, int count, int at) const {
    if (format.type == KvType::f32) return x[at];
    if (format.type == KvType::f16) return half(x[at]);
    const int levels = (1 << format.bits()) - 1;
    const auto [least, most] = std::minmax_element(x, x + count);
    const double scale = half((*most - *least) / static_cast<float>(levels)), bias = half(*least);
    const float steps = (x[at] - static_cast<float>(bias)) / static_cast<float>(scale);
    return scale * std::clamp(std::nearbyint(steps), 0.0f, static_cast<float>(levels)) + bias;
  }

  // float16 by its definition: 11 bits of a normal number, multiples of 2^-24 of others.
  static double half(float x) {
    const int exponent = std::max(std::ilogb(x), -14);
    return std::ldexp(std::nearbyint(std::ldexp(double(x), 10 - exponent)), exponent - 10);
  }
};

/// Appends the next `lengths` positions of the sequences, without rotation, in one step; returns
/// what each gets.
inline std::vector<std::vector<float>> attend_step(const Attention& options,
                                                   std::vector<PagedSequence>& sequences,
                                                   const std::vector<int>& lengths, Isa isa,
                                                   ThreadPool& pool) {
  std::vector<AttentionSpan> spans;
  std::vector<float> q, k, v;
  for (size_t s = 0; s < sequences.size(); ++s) {
    if (lengths[s] == 0) continue;
    PagedSequence& sequence = sequences[s];
    const auto add = [&](std::vector<float>& to, const std::vector<float>& from, int heads) {
      const size_t row = size_t(heads) * sequence.format.dim;
      const auto begin = from.begin() + ptrdiff_t(sequence.length * row);
      to.insert(to.end(), begin, begin + ptrdiff_t(lengths[s] * row));
    };
    add(q, sequence.q, sequence.heads);
    add(k, sequence.k, sequence.format.kv_heads);
    add(v, sequence.v, sequence.format.kv_heads);
    spans.push_back(sequence.reserve(lengths[s]));
  }
  const size_t width = size_t(options.heads) * options.format.dim;
  const size_t kv_width = size_t(options.format.kv_heads) * options.format.dim;
  std::vector<float> rotated(q.size()), out(q.size());
  Rope still(std::vector<float>(options.format.dim / 2, 0.0f), false);
  append(options, still, {q.data(), width}, {k.data(), kv_width}, {v.data(), kv_width}, spans,
         rotated.data(), isa, pool);
  attend(options, rotated.data(), spans, out.data(), isa, pool);
  std::vector<std::vector<float>> outputs;
  auto from = out.begin();
  for (size_t s = 0; s < sequences.size(); ++s) {
    const auto to = from + ptrdiff_t(lengths[s] * width);
    outputs.emplace_back(from, to);
    from = to;
  }
  return outputs;
}

}  // namespace mlxd::kernels::cpu
