// See prefix_index.h.
#include "engine/core/prefix_index.h"

#include <algorithm>

namespace mlxd {

struct PrefixIndex::Node {
  SnapshotId id = 0;                // 0 in a root
  Node* parent = nullptr;           // null in a root
  int begin = 0;                    // position of the first token
  std::vector<Token> tokens;        // none in a root
  uint64_t used = 0;                // when a match or an insertion last went through it
  int leases = 0;                   // of matches that end here
  std::map<Token, Node*> children;  // by their first token

  int end() const { return begin + static_cast<int>(tokens.size()); }
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

PrefixIndex::PrefixIndex() = default;
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
  Node* node = &root->second;
  ++uses_;
  for (int depth = 0; depth == node->end() && depth < static_cast<int>(tokens.size());) {
    Node* child = node->child(tokens[depth]);
    if (!child) break;
    depth += common_length(child->tokens, tokens.subspan(depth));
    match.candidates.push_back({child->id, depth, child->children.size() > 1});
    child->used = uses_;
    node = child;
  }
  std::ranges::reverse(match.candidates);
  if (node->parent) match.lease = Lease(node);
  return match;
}

PrefixIndex::Place PrefixIndex::insert(const std::string& salt, std::span<const Token> tokens) {
  const int end = static_cast<int>(tokens.size());
  Node* node = &roots_[salt];
  Place place{};
  ++uses_;
  while (node->end() < end) {
    const auto rest = tokens.subspan(node->end());
    Node* child = node->child(rest.front());
    if (!child) {
      node = add(*node, rest);
      break;
    }
    const int common = common_length(child->tokens, rest);
    if (common < static_cast<int>(child->tokens.size())) {
      Node* upper = split(*child, common);
      place.cut = Cut{upper->id, child->id, upper->end()};
      child = upper;
    }
    child->used = uses_;
    node = child;
  }
  place.id = node->id;
  return place;
}

PrefixIndex::Node* PrefixIndex::add(Node& parent, std::span<const Token> tokens) {
  Node& node = nodes_.emplace_back();
  node.id = ++last_id_;
  node.parent = &parent;
  node.begin = parent.end();
  node.tokens.assign(tokens.begin(), tokens.end());
  node.used = uses_;
  parent.children[tokens.front()] = &node;
  return &node;
}

/// Cuts a node after its first `count` tokens; returns the upper part, which is new: number, leases
/// and children stay with the lower one.
PrefixIndex::Node* PrefixIndex::split(Node& node, int count) {
  Node* upper = add(*node.parent, std::span(node.tokens).first(count));
  upper->used = node.used;
  node.parent = upper;
  node.begin += count;
  node.tokens.erase(node.tokens.begin(), node.tokens.begin() + count);
  upper->children.emplace(node.tokens.front(), &node);
  return upper;
}

std::optional<SnapshotId> PrefixIndex::evict() {
  auto oldest = nodes_.end();
  for (auto node = nodes_.begin(); node != nodes_.end(); ++node) {
    if (!node->children.empty() || node->leases > 0) continue;
    if (oldest == nodes_.end() || node->used < oldest->used) oldest = node;
  }
  if (oldest == nodes_.end()) return std::nullopt;
  Node& parent = *oldest->parent;
  const SnapshotId evicted = oldest->id;
  parent.children.erase(oldest->tokens.front());
  nodes_.erase(oldest);
  std::erase_if(roots_, [](const auto& root) { return root.second.children.empty(); });
  return evicted;
}

}  // namespace mlxd
