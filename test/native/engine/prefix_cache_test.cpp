// What the prefix cache finds again and what it holds, on caches whose pages hold the tokens
// themselves: so that a wrong prefix shows.
#include "engine/prefix_cache.h"

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "doctest/doctest.h"

using namespace mlxd;

namespace {

using Tokens = std::vector<Token>;

constexpr int kPage = 4;

/// Keeps tokens where others keep keys and values: in pages that prefixes share. With a window of
/// w, each append drops the pages that the token after those before it does not see.
class TokenCache : public LayerCache {
 public:
  using Page = std::shared_ptr<const Tokens>;

  explicit TokenCache(int window = 0) : window_(window) {}

  void append(const Tokens& tokens) {
    drop_before(length_);
    for (Token token : tokens) {
      const size_t page = static_cast<size_t>(length_ / kPage);
      if (page == pages_.size()) pages_.push_back(std::make_shared<Tokens>());
      Tokens copy = *pages_[page];
      if (static_cast<int>(copy.size()) > length_ % kPage) copy.resize(length_ % kPage);
      copy.push_back(token);
      pages_[page] = std::make_shared<Tokens>(std::move(copy));
      ++length_;
    }
  }
  Tokens tokens() const {
    Tokens all;
    for (const Page& page : pages_) {
      if (page) all.insert(all.end(), page->begin(), page->end());
    }
    all.resize(std::min(all.size(), static_cast<size_t>(length_)));
    return all;
  }
  const std::vector<Page>& pages() const { return pages_; }

  int length() const override { return length_; }
  std::vector<mx::array> state() const override { return {}; }
  bool has_prefix(int positions) const override {
    if (positions < 0 || positions > length_) return false;
    const auto first = static_cast<size_t>(first_seen(positions) / kPage);
    return first == pages_.size() || pages_[first] != nullptr;
  }
  std::unique_ptr<LayerCache> prefix(int positions) const override {
    REQUIRE(has_prefix(positions));
    auto prefix = std::make_unique<TokenCache>(*this);
    prefix->pages_.resize(static_cast<size_t>((positions + kPage - 1) / kPage));
    prefix->length_ = positions;
    prefix->drop_before(positions);
    return prefix;
  }
  size_t bytes() const override {
    return static_cast<size_t>(std::ranges::count_if(pages_, [](const Page& p) { return !!p; }));
  }
  size_t bytes_beyond(const LayerCache& other) const override {
    const auto& theirs = static_cast<const TokenCache&>(other).pages_;
    size_t own = 0;
    for (size_t i = 0; i < pages_.size(); ++i) {
      own += pages_[i] && (i >= theirs.size() || theirs[i] != pages_[i]);
    }
    return own;
  }
  size_t bytes_for(int positions) const override {
    return static_cast<size_t>((positions + kPage - 1) / kPage);
  }

 private:
  int first_seen(int position) const { return window_ ? std::max(0, position - window_ + 1) : 0; }
  void drop_before(int position) {
    for (int page = 0; page < first_seen(position) / kPage; ++page) pages_[page] = nullptr;
  }

  int window_;
  int length_ = 0;
  std::vector<Page> pages_;  // null where the window has passed
};

SequenceCache cache_of(const Tokens& tokens, int window = 0) {
  auto layer = std::make_unique<TokenCache>(window);
  layer->append(tokens);
  SequenceCache cache;
  cache.layers.push_back(std::move(layer));
  return cache;
}

TokenCache& layer(SequenceCache& cache) { return static_cast<TokenCache&>(*cache.layers.front()); }

Tokens joined(Tokens a, const Tokens& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

Tokens range(Token from, int count) {
  Tokens tokens;
  for (int i = 0; i < count; ++i) tokens.push_back(from + i);
  return tokens;
}

constexpr size_t kPlenty = 1 << 20;

}  // namespace

TEST_CASE("what was kept is found, to the token, and holds what it should") {
  PrefixCache prefixes(kPlenty);
  CHECK(!prefixes.find("", range(1, 5)));
  prefixes.keep("", range(1, 10), cache_of(range(1, 10)));
  for (int length : {1, 4, 5, 10}) {
    auto hit = prefixes.find("", joined(range(1, length), {99, 98}));
    REQUIRE(hit);
    CHECK(hit->length == length);
    CHECK(layer(hit->cache).tokens() == range(1, length));
  }
  CHECK(!prefixes.find("", Tokens{99}));
  CHECK(!prefixes.find("salt", range(1, 5)));
}

TEST_CASE("a sequence that goes on does not change what was kept of it") {
  PrefixCache prefixes(kPlenty);
  SequenceCache live = cache_of(range(1, 6));
  prefixes.keep("", range(1, 6), live);
  layer(live).append({50, 51, 52, 53});
  auto hit = prefixes.find("", range(1, 9));
  REQUIRE(hit);
  CHECK(layer(hit->cache).tokens() == range(1, 6));
  layer(hit->cache).append({7, 8});
  CHECK(layer(prefixes.find("", range(1, 6))->cache).tokens() == range(1, 6));
}

TEST_CASE("the bytes are those of the pages held, shared ones once") {
  PrefixCache prefixes(kPlenty);
  SequenceCache first = cache_of(range(1, 8));
  prefixes.keep("", range(1, 8), first);
  CHECK(prefixes.bytes() == 2);
  for (Token branch : {100, 200, 300}) {
    auto hit = prefixes.find("", range(1, 8));
    layer(hit->cache).append(range(branch, 8));
    prefixes.keep("", joined(range(1, 8), range(branch, 8)), hit->cache);
  }
  CHECK(prefixes.bytes() == 2 + 3 * 2);
  CHECK(prefixes.entries() == 4);
}

TEST_CASE("what two computed apart is held once, when one of them goes on") {
  PrefixCache prefixes(kPlenty);
  prefixes.keep("", range(1, 8), cache_of(range(1, 8)));
  prefixes.keep("", range(1, 16), cache_of(range(1, 16)));
  CHECK(prefixes.bytes() == 4);
  CHECK(prefixes.find("", range(1, 8))->length == 8);
}

TEST_CASE("the budget holds: what was used longest ago goes, ends first") {
  PrefixCache prefixes(4);
  prefixes.keep("", range(1, 8), cache_of(range(1, 8)));
  prefixes.keep("", range(50, 8), cache_of(range(50, 8)));
  REQUIRE(prefixes.find("", range(1, 8)));
  prefixes.keep("", range(90, 4), cache_of(range(90, 4)));
  CHECK(prefixes.bytes() == 3);
  CHECK(prefixes.evictions() == 1);
  CHECK(!prefixes.find("", range(50, 8)));
  CHECK(prefixes.find("", range(1, 8)));
  CHECK(prefixes.find("", range(90, 4)));
  prefixes.keep("", range(200, 40), cache_of(range(200, 40)));
  CHECK(prefixes.bytes() == 0);
}

TEST_CASE("what a live sequence began with stays") {
  PrefixCache prefixes(2);
  prefixes.keep("", range(1, 8), cache_of(range(1, 8)));
  auto hit = prefixes.find("", range(1, 8));
  prefixes.keep("", range(50, 8), cache_of(range(50, 8)));
  CHECK(prefixes.find("", range(1, 8)));
  CHECK(!prefixes.find("", range(50, 8)));
  hit.reset();
  CHECK(prefixes.evict());
  CHECK(!prefixes.evict());
  CHECK(prefixes.bytes() == 0);
}

TEST_CASE("a budget of nothing keeps nothing") {
  PrefixCache prefixes(0);
  prefixes.keep("", range(1, 8), cache_of(range(1, 8)));
  CHECK(!prefixes.find("", range(1, 8)));
  CHECK(prefixes.entries() == 0);
}

TEST_CASE("with windows, a prefix is found where a snapshot holds its window") {
  constexpr int kWindow = 5;
  PrefixCache prefixes(kPlenty);
  SequenceCache live = cache_of(range(1, 16), kWindow);
  prefixes.keep("", range(1, 16), live);                     // one chunk
  for (Token t = 17; t <= 40; ++t) layer(live).append({t});  // a reply
  prefixes.keep("", range(1, 40), live);
  const auto found = [&](int length) {
    auto hit = prefixes.find("", range(1, length));
    if (!hit) return 0;
    REQUIRE(layer(hit->cache).has_prefix(hit->length));
    return hit->length;
  };
  CHECK(found(60) == 40);
  CHECK(found(40) == 40);
  CHECK(found(30) == 16);  // its window is gone: back to the last snapshot before
  CHECK(found(16) == 16);
  CHECK(found(15) == 0);  // the snapshot at 16 dropped what 15 would see
}

TEST_CASE("with windows, a later prompt fills the holes that a reply left") {
  constexpr int kWindow = 5;
  PrefixCache prefixes(kPlenty);
  SequenceCache reply = cache_of({1}, kWindow);
  for (Token t = 2; t <= 40; ++t) layer(reply).append({t});
  prefixes.keep("", range(1, 40), reply);
  CHECK(!prefixes.find("", range(1, 24)));
  prefixes.keep("", range(1, 24), cache_of(range(1, 24), kWindow));
  CHECK(prefixes.find("", range(1, 24))->length == 24);
  CHECK(prefixes.find("", range(1, 30))->length == 24);
  CHECK(prefixes.find("", range(1, 40))->length == 40);
}

TEST_CASE("random traffic: every hit holds its tokens, bytes are those of the pages") {
  for (unsigned seed = 0; seed < 40; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    const int window = seed % 2 ? 0 : 6;
    PrefixCache prefixes(24);
    for (int i = 0; i < 150; ++i) {
      Tokens tokens(2 + random() % 20);
      for (Token& token : tokens) token = static_cast<Token>(random() % 2);
      auto hit = prefixes.find("", std::span(tokens).first(tokens.size() - 1));
      SequenceCache live = hit ? std::move(hit->cache) : cache_of({}, window);
      const int begin = hit ? hit->length : 0;
      if (!window) CHECK(layer(live).tokens() == Tokens(tokens.begin(), tokens.begin() + begin));
      layer(live).append(Tokens(tokens.begin() + begin, tokens.end()));
      if (!window) CHECK(layer(live).tokens() == tokens);
      prefixes.keep("", tokens, live);
      if (random() % 5 == 0) prefixes.evict();
      if (!hit) CHECK(prefixes.bytes() <= 24);
    }
    while (prefixes.evict()) {
    }
    CHECK(prefixes.bytes() == 0);
    CHECK(prefixes.entries() == 0);
  }
}
