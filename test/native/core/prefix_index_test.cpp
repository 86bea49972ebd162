// The prefix index by example, and against a naive list of prefixes under random traffic.
#include "engine/core/prefix_index.h"

#include <optional>
#include <random>
#include <set>

#include "doctest/doctest.h"

using namespace mlxd;

namespace {

using Tokens = std::vector<Token>;
using Slices = std::vector<RunSlice>;

/// A run that holds all of its positions in every layer.
NewRun whole(RunId id, int begin, int end) { return {id, begin, end, begin}; }

Tokens joined(Tokens a, const Tokens& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

const Tokens kSystem{1, 2, 3, 4};

}  // namespace

TEST_CASE("the longest common prefix is found, to the token") {
  PrefixIndex index(0);
  CHECK(index.find("", kSystem).length == 0);
  REQUIRE(index.insert("", kSystem, whole(7, 0, 4)));
  CHECK(index.find("", kSystem).slices == Slices{{7, 0, 4}});
  CHECK(index.find("", Tokens{1, 2, 3, 4, 5}).length == 4);
  CHECK(index.find("", Tokens{1, 2, 9}).slices == Slices{{7, 0, 2}});
  CHECK(index.find("", Tokens{2}).length == 0);
  CHECK(index.find("", Tokens{}).length == 0);
}

TEST_CASE("branches share what they have in common: a split refers to the same run twice") {
  PrefixIndex index(0);
  REQUIRE(index.insert("", joined(kSystem, {5, 6}), whole(1, 0, 6)));
  REQUIRE(index.insert("", joined(kSystem, {8, 9}), whole(2, 4, 6)));
  CHECK(index.size() == 3);
  CHECK(index.find("", joined(kSystem, {5, 6})).slices == Slices{{1, 0, 4}, {1, 4, 6}});
  CHECK(index.find("", joined(kSystem, {8, 9, 1})).slices == Slices{{1, 0, 4}, {2, 4, 6}});
}

TEST_CASE("a run is refused when it adds nothing, or when what comes before it is gone") {
  PrefixIndex index(0);
  REQUIRE(index.insert("", kSystem, whole(1, 0, 4)));
  CHECK(!index.insert("", kSystem, whole(2, 0, 4)));
  CHECK(!index.insert("", Tokens{1, 2}, whole(3, 0, 2)));
  CHECK(!index.insert("", joined(kSystem, {5, 6}), whole(4, 5, 6)));
  CHECK(!index.insert("other", kSystem, whole(5, 2, 4)));
  CHECK(index.insert("", joined(kSystem, {5, 6}), whole(6, 2, 6)));
  CHECK(index.find("", joined(kSystem, {5, 6})).slices == Slices{{1, 0, 4}, {6, 4, 6}});
  CHECK(index.size() == 2);
}

TEST_CASE("salts are apart") {
  PrefixIndex index(0);
  REQUIRE(index.insert("alice", kSystem, whole(1, 0, 4)));
  CHECK(index.find("", kSystem).length == 0);
  CHECK(index.find("bob", kSystem).length == 0);
  CHECK(index.find("alice", kSystem).length == 4);
}

TEST_CASE("what was used longest ago goes first, ends before beginnings") {
  PrefixIndex index(0);
  REQUIRE(index.insert("", joined(kSystem, {5}), whole(1, 0, 5)));
  REQUIRE(index.insert("", joined(kSystem, {6}), whole(2, 4, 5)));
  index.find("", joined(kSystem, {5}));
  REQUIRE(index.evict());
  CHECK(index.take_unused() == std::vector<RunId>{2});
  CHECK(index.find("", joined(kSystem, {6})).length == 4);
  REQUIRE(index.evict());
  CHECK(index.take_unused().empty());  // the system prompt still refers to it
  CHECK(index.find("", kSystem).length == 4);
  REQUIRE(index.evict());
  CHECK(index.take_unused() == std::vector<RunId>{1});
  CHECK(!index.evict());
}

TEST_CASE("a lease keeps its prefix and nothing else, also through splits") {
  PrefixIndex index(0);
  REQUIRE(index.insert("", joined(kSystem, {5, 6}), whole(1, 0, 6)));
  std::optional<PrefixIndex::Match> match = index.find("", joined(kSystem, {5, 6}));
  REQUIRE(index.insert("", joined(kSystem, {8}), whole(2, 4, 5)));
  REQUIRE(index.evict());
  CHECK(index.take_unused() == std::vector<RunId>{2});
  CHECK(!index.evict());
  CHECK(index.find("", joined(kSystem, {5, 6})).length == 6);
  match.reset();
  CHECK(index.evict());
  CHECK(index.evict());
  CHECK(index.size() == 0);
}

TEST_CASE("with windows a prefix is reused only up to where they still hold what is seen") {
  PrefixIndex index(3);  // a token sees the three before it
  const Tokens tokens{1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
  REQUIRE(index.insert("", std::span(tokens).first(4), whole(1, 0, 4)));
  REQUIRE(index.insert("", tokens, {2, 4, 10, 7}));  // windows forgot positions 4 to 6
  const auto reusable = [&](int length) {
    return index.find("", std::span(tokens).first(length)).length;
  };
  CHECK(reusable(10) == 10);  // sees 7, 8, 9
  CHECK(reusable(9) == 4);    // would see 6
  CHECK(reusable(7) == 4);
  CHECK(reusable(4) == 4);
  CHECK(reusable(3) == 3);
  CHECK(index.find("", std::span(tokens).first(9)).slices == Slices{{1, 0, 4}});
}

TEST_CASE("what windows forgot is filled in by a later run over the same tokens") {
  PrefixIndex index(3);
  const Tokens tokens{1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
  REQUIRE(index.insert("", tokens, {1, 0, 10, 8}));
  REQUIRE(index.insert("", std::span(tokens).first(6), whole(2, 2, 6)));
  CHECK(index.find("", std::span(tokens).first(6)).length == 6);
  CHECK(index.find("", std::span(tokens).first(5)).length == 5);
  CHECK(index.find("", std::span(tokens).first(4)).length == 0);  // would see position 1
  CHECK(index.find("", std::span(tokens).first(8)).length == 6);
  CHECK(index.find("", tokens).length == 6);  // would see position 7
  CHECK(!index.insert("", std::span(tokens).first(6), whole(3, 2, 6)));
  CHECK(index.insert("", tokens, whole(4, 0, 10)));
  CHECK(index.find("", tokens).length == 10);
}

namespace {

/// The same promises kept in the slowest way: for each known prefix of tokens, of which runs its
/// last position may come and whether windows hold it there.
class Naive {
 public:
  void insert(const std::string& salt, const Tokens& tokens, const NewRun& run) {
    for (int end = 1; end <= run.end; ++end) {
      const Key key{salt, Tokens(tokens.begin(), tokens.begin() + end)};
      if (end <= run.begin && !known_.count(key)) return;
      if (end > run.begin) known_[key] |= end > run.windows_from;
    }
  }

  int find(const std::string& salt, const Tokens& tokens, int reach) const {
    std::vector<bool> windows;
    for (size_t end = 1; end <= tokens.size(); ++end) {
      const auto found = known_.find({salt, Tokens(tokens.begin(), tokens.begin() + end)});
      if (found == known_.end()) break;
      windows.push_back(found->second);
    }
    int length = static_cast<int>(windows.size());
    const auto seen = [&](int n) {
      bool all = true;
      for (int p = std::max(0, n - reach); p < n; ++p) all = all && windows[p];
      return all;
    };
    while (!seen(length)) --length;
    return length;
  }

 private:
  using Key = std::pair<std::string, Tokens>;
  std::map<Key, bool> known_;  // -> windows hold its last position
};

/// Random tokens over a small alphabet, so that prefixes are often shared.
Tokens random_tokens(std::mt19937& random) {
  Tokens tokens(1 + random() % 12);
  for (Token& token : tokens) token = static_cast<Token>(random() % 2);
  return tokens;
}

void check_slices(const PrefixIndex::Match& match, const std::map<RunId, NewRun>& runs,
                  const std::set<RunId>& gone) {
  int end = 0;
  for (const RunSlice& slice : match.slices) {
    CHECK(slice.begin == end);
    CHECK(slice.end > slice.begin);
    const NewRun& run = runs.at(slice.run);
    CHECK(run.begin <= slice.begin);
    CHECK(slice.end <= run.end);
    CHECK(!gone.count(slice.run));
    end = slice.end;
  }
  CHECK(end == match.length);
}

}  // namespace

TEST_CASE("random insertions and lookups agree with a naive index") {
  for (unsigned seed = 0; seed < 60; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    const int reach = static_cast<int>(seed % 4);
    PrefixIndex index(reach);
    Naive naive;
    std::map<RunId, NewRun> runs;
    std::set<RunId> gone;
    for (RunId id = 1; id <= 150; ++id) {
      const std::string salt = random() % 4 ? "" : "s";
      const Tokens tokens = random_tokens(random);
      const int end = static_cast<int>(tokens.size());
      const int begin = static_cast<int>(random() % end);
      const int from = reach == 0 ? begin : begin + static_cast<int>(random() % (end - begin));
      runs[id] = {id, begin, end, from};
      index.insert(salt, tokens, runs[id]);
      naive.insert(salt, tokens, runs[id]);
      for (RunId unused : index.take_unused()) gone.insert(unused);
      for (int probe = 0; probe < 4; ++probe) {
        const Tokens wanted = random_tokens(random);
        const auto match = index.find(salt, wanted);
        CHECK(match.length == naive.find(salt, wanted, reach));
        check_slices(match, runs, gone);
      }
    }
  }
}

TEST_CASE("eviction forgets ends, keeps what is leased, and frees every run in the end") {
  for (unsigned seed = 0; seed < 30; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    PrefixIndex index(0);
    std::set<RunId> live;
    std::map<RunId, NewRun> runs;
    std::vector<std::pair<Tokens, PrefixIndex::Match>> leased;
    const auto forget = [&] {
      for (RunId unused : index.take_unused()) REQUIRE(live.erase(unused) == 1);
    };
    for (RunId id = 1; id <= 200; ++id) {
      const Tokens tokens = random_tokens(random);
      const int end = static_cast<int>(tokens.size());
      const int begin = index.find("", tokens).length;
      runs[id] = whole(id, begin, end);
      if (index.insert("", tokens, runs[id])) live.insert(id);
      if (random() % 8 == 0) leased.emplace_back(tokens, index.find("", tokens));
      if (random() % 3 == 0 && !leased.empty()) leased.pop_back();
      if (random() % 2 == 0) index.evict();
      forget();
      for (const auto& [wanted, match] : leased) {
        const auto again = index.find("", wanted);
        CHECK(again.length >= match.length);
        for (const RunSlice& slice : again.slices) CHECK(live.count(slice.run));
      }
    }
    leased.clear();
    while (index.evict()) {
    }
    forget();
    CHECK(live.empty());
    CHECK(index.size() == 0);
  }
}
