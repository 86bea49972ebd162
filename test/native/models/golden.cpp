// See golden.h.
#include "golden.h"

#include <algorithm>

namespace mlxd::test {

namespace {

std::vector<int> ints(const mx::array& x) {
  mx::eval(x);
  return {x.data<int>(), x.data<int>() + x.size()};
}

}  // namespace

std::filesystem::path fixture(const std::string& name) {
  return std::filesystem::path("test/fixtures/models") / name;
}

std::filesystem::path adapter_of(const std::string& name) {
  const auto folder = fixture(name) / "adapter";
  return std::filesystem::exists(folder) ? folder : std::filesystem::path();
}

std::vector<std::string> fixture_names() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(fixture(""))) {
    names.push_back(entry.path().filename().string());
  }
  std::ranges::sort(names);
  return names;
}

Golden read_golden(const std::string& name) {
  const auto arrays = mx::load_safetensors((fixture(name) / "golden.safetensors").string()).first;
  return {ints(arrays.at("prompt")), ints(arrays.at("greedy")), arrays.at("logits")};
}

Segment Run::segment(int length) {
  const Segment segment{length, offset_, &cache_};
  offset_ += length;
  return segment;
}

mx::array Run::feed(const std::vector<int>& tokens) {
  return logits(model_, tokens, {segment(static_cast<int>(tokens.size()))});
}

Run Run::prefix(int positions) const {
  Run other(model_);
  other.cache_ = cache_.prefix(positions);
  other.offset_ = positions;
  return other;
}

std::vector<int> Run::greedy(mx::array logits, int count) {
  std::vector<int> tokens;
  while (static_cast<int>(tokens.size()) < count) {
    const int last = logits.shape(0) - 1;
    tokens.push_back(mx::argmax(rows(logits, last, last + 1)).item<int>());
    logits = feed({tokens.back()});
  }
  return tokens;
}

mx::array logits(const Model& model, const std::vector<int>& tokens,
                 std::vector<Segment> segments) {
  const Step step{mx::array(tokens.begin(), {static_cast<int>(tokens.size())}),
                  std::move(segments)};
  const mx::array logits = model.logits(model.forward(step));
  mx::eval(logits);
  return logits;
}

float max_difference(const mx::array& a, const mx::array& b) {
  return mx::max(mx::abs(a - b)).item<float>();
}

mx::array rows(const mx::array& x, int from, int to) {
  return mx::slice(x, {from, 0}, {to, x.shape(1)});
}

}  // namespace mlxd::test
