#include "grammar/byte_pairs.h"

#include <functional>
#include <queue>
#include <tuple>

namespace mlxd {
namespace {

/// A piece of the text so far; merged ones are empty, and out of the list.
struct Piece {
  size_t begin, end;
  size_t previous, next;
};

constexpr size_t kNone = static_cast<size_t>(-1);
constexpr uint8_t kControl = 0xff;

}  // namespace

BytePairs::BytePairs(const Vocabulary& vocabulary)
    : bytes_(vocabulary.bytes.begin(), vocabulary.bytes.end()) {
  const std::string_view all = bytes_;
  ids_.reserve(vocabulary.lengths.size());
  size_t at = 0;
  for (size_t id = 0; id < vocabulary.lengths.size(); ++id) {
    const auto token = all.substr(at, vocabulary.lengths[id]);
    at += token.size();
    if (token.empty() || static_cast<uint8_t>(token.front()) == kControl) continue;
    // Of two tokens with the same bytes the first is there for bytes that make no character.
    ids_.insert_or_assign(token, static_cast<Token>(id));
  }
}

std::optional<Token> BytePairs::find(std::string_view text) const {
  const auto found = ids_.find(text);
  return found == ids_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<std::vector<Token>> BytePairs::cut(std::string_view text) const {
  std::vector<Piece> pieces;
  for (size_t i = 0; i < text.size(); ++i) pieces.push_back({i, i + 1, i - 1, i + 1});
  if (pieces.empty()) return std::vector<Token>{};
  pieces.back().next = kNone;

  // The merges that may be made: token, place, and end of the pair when it was found.
  using Merge = std::tuple<Token, size_t, size_t>;
  std::priority_queue<Merge, std::vector<Merge>, std::greater<>> merges;
  const auto consider = [&](size_t left) {
    if (left == kNone || pieces[left].next == kNone) return;
    const size_t end = pieces[pieces[left].next].end;
    const auto token = find(text.substr(pieces[left].begin, end - pieces[left].begin));
    if (token) merges.emplace(*token, left, end);
  };
  for (size_t i = 0; i < pieces.size(); ++i) consider(i);
  while (!merges.empty()) {
    const auto [token, left, end] = merges.top();
    merges.pop();
    Piece& piece = pieces[left];
    const bool stale =
        piece.begin == piece.end || piece.next == kNone || pieces[piece.next].end != end;
    if (stale) continue;
    Piece& gone = pieces[piece.next];
    piece.end = end;
    piece.next = gone.next;
    if (piece.next != kNone) pieces[piece.next].previous = left;
    gone.end = gone.begin;
    consider(left);
    consider(piece.previous);
  }

  std::vector<Token> tokens;
  for (size_t at = 0; at != kNone; at = pieces[at].next) {
    const auto token = find(text.substr(pieces[at].begin, pieces[at].end - pieces[at].begin));
    if (!token) return std::nullopt;
    tokens.push_back(*token);
  }
  return tokens;
}

bool BytePairs::is_faithful(const Vocabulary& vocabulary) const {
  std::vector<size_t> begins;
  size_t at = 0;
  for (uint32_t length : vocabulary.lengths) {
    begins.push_back(at);
    at += length;
  }
  std::string text;
  for (Token token : vocabulary.sample) {
    const auto id = static_cast<size_t>(token);
    text.append(bytes_, begins.at(id), vocabulary.lengths.at(id));
  }
  return !text.empty() && cut(text) == vocabulary.sample;
}

}  // namespace mlxd
