// The prefix index by example, and against a naive list of prefixes under random traffic.
#include "engine/core/prefix_index.h"

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "doctest/doctest.h"

using namespace mlxd;

namespace {

using Tokens = std::vector<Token>;
using Candidates = std::vector<PrefixIndex::Candidate>;

Tokens joined(Tokens a, const Tokens& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

const Tokens kSystem{1, 2, 3, 4};

}  // namespace

TEST_CASE("the longest common prefix is found, to the token") {
  PrefixIndex index;
  CHECK(index.find("", kSystem).length() == 0);
  const SnapshotId id = index.insert("", kSystem).id;
  CHECK(index.find("", kSystem).candidates == Candidates{{id, 4}});
  CHECK(index.find("", Tokens{1, 2, 3, 4, 5}).candidates == Candidates{{id, 4}});
  CHECK(index.find("", Tokens{1, 2, 9}).candidates == Candidates{{id, 2}});
  CHECK(index.find("", Tokens{2}).length() == 0);
  CHECK(index.find("", Tokens{}).length() == 0);
}

TEST_CASE("shorter prefixes on the way are candidates too, the longest first") {
  PrefixIndex index;
  const SnapshotId system = index.insert("", kSystem).id;
  const SnapshotId turn = index.insert("", joined(kSystem, {5, 6, 7})).id;
  CHECK(index.find("", joined(kSystem, {5, 6})).candidates == Candidates{{turn, 6}, {system, 4}});
}

TEST_CASE("branches share what they have in common, and inserting again changes nothing") {
  PrefixIndex index;
  const SnapshotId first = index.insert("", joined(kSystem, {5, 6})).id;
  const auto second = index.insert("", joined(kSystem, {8, 9}));
  REQUIRE(second.cut);
  CHECK(second.cut->lower == first);
  CHECK(second.cut->length == 4);
  CHECK(index.size() == 3);
  const SnapshotId system = second.cut->upper;
  CHECK(index.find("", joined(kSystem, {8, 9})).candidates ==
        Candidates{{second.id, 6}, {system, 4, true}});
  CHECK(index.find("", joined(kSystem, {5, 6})).candidates ==
        Candidates{{first, 6}, {system, 4, true}});
  const auto again = index.insert("", joined(kSystem, {8, 9}));
  CHECK(again.id == second.id);
  CHECK(!again.cut);
  CHECK(index.size() == 3);
}

TEST_CASE("a prefix that ends inside a node gets a place of its own") {
  PrefixIndex index;
  const SnapshotId all = index.insert("", kSystem).id;
  const auto part = index.insert("", Tokens{1, 2});
  CHECK(part.cut == PrefixIndex::Cut{part.id, all, 2});
  CHECK(index.find("", kSystem).candidates == Candidates{{all, 4}, {part.id, 2}});
}

TEST_CASE("salts are apart") {
  PrefixIndex index;
  index.insert("alice", kSystem);
  CHECK(index.find("", kSystem).length() == 0);
  CHECK(index.find("bob", kSystem).length() == 0);
  CHECK(index.find("alice", kSystem).length() == 4);
  CHECK(index.evict());
  CHECK(index.find("alice", kSystem).length() == 0);
}

TEST_CASE("what was used longest ago goes first, ends before beginnings") {
  PrefixIndex index;
  const SnapshotId first = index.insert("", joined(kSystem, {5})).id;
  const auto second = index.insert("", joined(kSystem, {6}));
  index.find("", joined(kSystem, {5}));
  CHECK(index.evict() == second.id);
  CHECK(index.find("", joined(kSystem, {6})).length() == 4);
  CHECK(index.evict() == first);
  CHECK(index.evict() == second.cut->upper);
  CHECK(!index.evict());
}

TEST_CASE("a lease keeps its prefix and nothing else, also through a cut") {
  PrefixIndex index;
  index.insert("", joined(kSystem, {5, 6}));
  {
    const auto match = index.find("", joined(kSystem, {5, 6}));
    const SnapshotId branch = index.insert("", joined(kSystem, {8})).id;
    CHECK(index.evict() == branch);
    CHECK(!index.evict());
    CHECK(index.find("", joined(kSystem, {5, 6})).length() == 6);
  }
  CHECK(index.evict());
  CHECK(index.evict());
  CHECK(index.size() == 0);
}

namespace {

/// The same promises kept in the slowest way: all the prefixes that were inserted.
struct Naive {
  std::map<std::string, std::set<Tokens>> inserted;

  int find(const std::string& salt, const Tokens& wanted) {
    int longest = 0;
    for (const Tokens& tokens : inserted[salt]) {
      const auto common = std::ranges::mismatch(tokens, wanted).in2 - wanted.begin();
      longest = std::max(longest, static_cast<int>(common));
    }
    return longest;
  }
};

/// Random tokens over a small alphabet, so that prefixes are often shared.
Tokens random_tokens(std::mt19937& random) {
  Tokens tokens(1 + random() % 12);
  for (Token& token : tokens) token = static_cast<Token>(random() % 2);
  return tokens;
}

}  // namespace

TEST_CASE("random insertions and lookups agree with a naive index") {
  for (unsigned seed = 0; seed < 60; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    PrefixIndex index;
    Naive naive;
    std::map<SnapshotId, std::pair<std::string, Tokens>> ends;  // what each node's prefix is
    for (int i = 0; i < 100; ++i) {
      const std::string salt = random() % 4 ? "" : "s";
      const Tokens tokens = random_tokens(random);
      const auto [id, cut] = index.insert(salt, tokens);
      if (cut) {
        const Tokens& whole = ends.at(cut->lower).second;
        ends[cut->upper] = {salt, Tokens(whole.begin(), whole.begin() + cut->length)};
      }
      ends[id] = {salt, tokens};
      naive.inserted[salt].insert(tokens);
      CHECK(index.size() == ends.size());

      const Tokens wanted = random_tokens(random);
      const auto match = index.find(salt, wanted);
      CHECK(match.length() == naive.find(salt, wanted));
      int above = static_cast<int>(wanted.size()) + 1;
      for (const auto& [candidate, length, branches] : match.candidates) {
        const auto& [of_salt, prefix] = ends.at(candidate);
        CHECK(of_salt == salt);
        REQUIRE(length <= static_cast<int>(std::min(prefix.size(), wanted.size())));
        CHECK(std::equal(prefix.begin(), prefix.begin() + length, wanted.begin()));
        CHECK(length < above);
        above = length;
      }
    }
  }
}

TEST_CASE("eviction forgets whole ends until nothing is left but what is leased") {
  for (unsigned seed = 0; seed < 30; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    PrefixIndex index;
    std::vector<std::pair<Tokens, PrefixIndex::Match>> leased;
    for (int i = 0; i < 200; ++i) {
      const Tokens tokens = random_tokens(random);
      index.insert("", tokens);
      if (random() % 8 == 0) leased.emplace_back(tokens, index.find("", tokens));
      if (random() % 3 == 0 && !leased.empty()) leased.pop_back();
      if (random() % 2 == 0) {
        const size_t before = index.size();
        const auto evicted = index.evict();
        CHECK(index.size() == before - (evicted ? 1 : 0));
      }
      for (const auto& [wanted, match] : leased) {
        CHECK(index.find("", wanted).length() == static_cast<int>(wanted.size()));
      }
    }
    while (index.evict()) {
    }
    for (const auto& [wanted, match] : leased) {
      CHECK(index.find("", wanted).length() == static_cast<int>(wanted.size()));
    }
    leased.clear();
    while (index.evict()) {
    }
    CHECK(index.size() == 0);
  }
}
