// See prefix_index.h.
#include "engine/core/prefix_index.h"

#include <algorithm>

namespace mlxd {

struct PrefixIndex::Node {
  Node* parent = nullptr;     // null in a root
  std::vector<Token> tokens;  // of positions [slice.begin, slice.end); none in a root
  RunSlice slice{};
  int windows_from = 0;             // as in NewRun; may lie beyond the slice
  uint64_t used = 0;                // when a match or an insertion last went through it
  int leases = 0;                   // of matches that end here
  std::map<Token, Node*> children;  // by their first token

  Node* child(Token first) const {
    const auto found = children.find(first);
    return found == children.end() ? nullptr : found->second;
  }
};

namespace {

int common_length(std::span<const Token> a, std::span<const Token> b) {
  return static_cast<int>(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin());
}

}  // namespace

PrefixIndex::PrefixIndex(int reach) : reach_(reach) {}
PrefixIndex::~PrefixIndex() = default;

PrefixIndex::Lease::Lease(Node* node) : node_(node) { ++node_->leases; }

PrefixIndex::Lease& PrefixIndex::Lease::operator=(Lease&& other) noexcept {
  std::swap(node_, other.node_);
  return *this;
}

PrefixIndex::Lease::~Lease() {
  if (node_) --node_->leases;
}

PrefixIndex::Match PrefixIndex::find(const std::string& salt, std::span<const Token> tokens) {
  const auto root = roots_.find(salt);
  if (root == roots_.end()) return {};
  Match match;
  std::vector<const Node*> path;
  Node* node = &root->second;
  ++uses_;
  while (match.length < static_cast<int>(tokens.size())) {
    Node* child = node->child(tokens[match.length]);
    if (!child) break;
    const int end = match.length + common_length(child->tokens, tokens.subspan(match.length));
    match.slices.push_back({child->slice.run, match.length, end});
    match.length = end;
    path.push_back(child);
    child->used = uses_;
    node = child;
    if (end < child->slice.end) break;
  }
  if (node->parent) match.lease = Lease(node);
  cut_to_windows(match, path);
  return match;
}

/// A prefix of n tokens needs [n - reach, n) of the layers with a window: n retreats before every
/// hole that it meets there.
void PrefixIndex::cut_to_windows(Match& match, const std::vector<const Node*>& path) const {
  if (reach_ == 0) return;
  for (size_t i = path.size(); i-- > 0;) {
    const auto [run, begin, end] = match.slices[i];
    const int hole_end = std::min(path[i]->windows_from, end);
    const bool is_seen = begin < hole_end && begin < match.length;
    if (is_seen && hole_end > match.length - reach_) match.length = begin;
  }
  while (!match.slices.empty() && match.slices.back().begin >= match.length) {
    match.slices.pop_back();
  }
  if (!match.slices.empty()) match.slices.back().end = match.length;
}

bool PrefixIndex::insert(const std::string& salt, std::span<const Token> tokens,
                         const NewRun& run) {
  Node& root = roots_[salt];
  Node* node = &root;
  bool taken = false;
  ++uses_;
  for (int depth = 0; depth < run.end;) {
    const auto rest = tokens.subspan(depth, run.end - depth);
    Node* child = node->child(rest.front());
    if (!child) {
      if (depth < run.begin) break;
      add(*node, depth, rest, run);
      taken = true;
      break;
    }
    depth += common_length(child->tokens, rest);
    const bool diverges = depth < child->slice.end && depth < run.end;
    if (diverges) child = split(*child, depth);
    if (fills_hole(*child, run)) {
      child = refill(*child, run);
      taken = true;
    }
    child->used = uses_;
    node = child;
  }
  if (root.children.empty()) roots_.erase(salt);
  return taken;
}

void PrefixIndex::add(Node& parent, int begin, std::span<const Token> tokens, const NewRun& run) {
  Node& node = nodes_.emplace_back();
  node.parent = &parent;
  node.tokens.assign(tokens.begin(), tokens.end());
  node.slice = {run.id, begin, run.end};
  node.windows_from = run.windows_from;
  node.used = uses_;
  parent.children.emplace(tokens.front(), &node);
  ++references_[run.id];
}

/// Cuts a node in two at a position inside it; returns the upper part, which is new: leases and
/// children stay with the lower one.
PrefixIndex::Node* PrefixIndex::split(Node& node, int position) {
  Node& upper = nodes_.emplace_back();
  const auto cut = node.tokens.begin() + (position - node.slice.begin);
  upper.parent = node.parent;
  upper.tokens.assign(node.tokens.begin(), cut);
  upper.slice = {node.slice.run, node.slice.begin, position};
  upper.windows_from = node.windows_from;
  upper.used = node.used;
  node.tokens.erase(node.tokens.begin(), cut);
  node.slice.begin = position;
  node.parent->children[upper.tokens.front()] = &upper;
  node.parent = &upper;
  upper.children.emplace(node.tokens.front(), &node);
  ++references_[node.slice.run];
  return &upper;
}

/// Whether layers with a window are held by the run where they are not by the node.
bool PrefixIndex::fills_hole(const Node& node, const NewRun& run) {
  const int from = std::max(node.slice.begin, run.windows_from);
  const int to = std::min({node.slice.end, node.windows_from, run.end});
  return from < to;
}

/// Takes positions that a node and a run both hold from the run; returns the node that ends where
/// they end.
PrefixIndex::Node* PrefixIndex::refill(Node& node, const NewRun& run) {
  if (node.slice.begin < run.begin) split(node, run.begin);
  Node* refilled = node.slice.end > run.end ? split(node, run.end) : &node;
  drop(std::exchange(refilled->slice.run, run.id));
  refilled->windows_from = run.windows_from;
  ++references_[run.id];
  return refilled;
}

bool PrefixIndex::evict() {
  auto oldest = nodes_.end();
  for (auto node = nodes_.begin(); node != nodes_.end(); ++node) {
    if (!node->children.empty() || node->leases > 0) continue;
    if (oldest == nodes_.end() || node->used < oldest->used) oldest = node;
  }
  if (oldest == nodes_.end()) return false;
  Node& parent = *oldest->parent;
  parent.children.erase(oldest->tokens.front());
  drop(oldest->slice.run);
  nodes_.erase(oldest);
  std::erase_if(roots_, [](const auto& root) { return root.second.children.empty(); });
  return true;
}

void PrefixIndex::drop(RunId run) {
  if (--references_.at(run) > 0) return;
  references_.erase(run);
  unused_.push_back(run);
}

}  // namespace mlxd
