// Where the replies that follow a grammar stand in it, and what may come next in each. Engine
// thread only.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/core/sequence.h"
#include "grammar/grammar.h"
#include "sampler/sampler.h"

namespace mlxd {

/// What a row may sample; or why its reply cannot go on.
struct NextTokens {
  std::shared_ptr<const TokenMask> allowed;
  std::vector<Token> forced;  // the only tokens that may come, the sampled one first
  std::optional<std::string> problem;
};

class Constraints {
 public:
  /// A sequence starts, perhaps again: its grammar begins anew.
  void begin(const Sequence& sequence);

  void release(RequestId id) { live_.erase(id); }

  /// What may come at `position` of a sequence with a grammar that has begun. `last` is the token
  /// before, for one that has not been read yet. Positions in their order, none twice.
  NextTokens next(const Sequence& sequence, int position, std::optional<Token> last);

 private:
  struct Live {
    std::unique_ptr<Constraint> constraint;
    int taken = 0;  // tokens of the reply
  };
  static void advance(Live& live, const Sequence& sequence, int position,
                      std::optional<Token> last);

  std::unordered_map<RequestId, Live> live_;
};

}  // namespace mlxd
