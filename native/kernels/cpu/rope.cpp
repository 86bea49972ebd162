#include "kernels/cpu/rope.h"

#include <algorithm>
#include <cmath>

namespace mlxd::kernels::cpu {
namespace {

constexpr int kRun = 64;  // positions whose angles are computed together

}  // namespace

void Rope::reach(int end) {
  const size_t half = frequencies_.size();
  while (static_cast<int>(runs_.size()) * kRun < end) {
    const int first = static_cast<int>(runs_.size()) * kRun;
    auto run = std::make_unique_for_overwrite<float[]>(kRun * 2 * half);
    for (int i = 0; i < kRun; ++i) {
      float* turns = &run[i * 2 * half];
      for (size_t j = 0; j < half; ++j) {
        const double angle = static_cast<double>(first + i) * frequencies_[j];
        turns[j] = static_cast<float>(magnitude_ * std::cos(angle));
        turns[half + j] = static_cast<float>(magnitude_ * std::sin(angle));
      }
    }
    runs_.push_back(std::move(run));
  }
}

void Rope::rotate(const float* __restrict x, int width, int position, float* __restrict out) const {
  const size_t half = frequencies_.size();
  const float* cosines = &runs_[position / kRun][position % kRun * 2 * half];
  const float* sines = cosines + half;
  const auto turn = [&](size_t i, size_t a, size_t b) {
    out[a] = x[a] * cosines[i] - x[b] * sines[i];
    out[b] = x[a] * sines[i] + x[b] * cosines[i];
  };
  if (traditional_) {
    for (size_t i = 0; i < half; ++i) turn(i, 2 * i, 2 * i + 1);
  } else {
    for (size_t i = 0; i < half; ++i) turn(i, i, half + i);
  }
  std::copy(x + 2 * half, x + width, out + 2 * half);
}

}  // namespace mlxd::kernels::cpu
