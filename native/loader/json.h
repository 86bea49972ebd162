// A small strict reader of JSON (RFC 8259) for files that may be hostile: bounded, exact, no
// writer. Our own, because neither MLX's public headers nor Node-API without Node's headers offers
// a parser.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace mlxd::json {

class Value;
struct Member;

using Array = std::vector<Value>;

/// Members sorted by key; keys are unique.
class Object {
 public:
  Object() = default;
  /// Throws std::runtime_error when two members share a key.
  explicit Object(std::vector<Member> members);

  /// The value of `key`, or nullptr.
  const Value* find(std::string_view key) const;
  const std::vector<Member>& members() const { return members_; }

 private:
  std::vector<Member> members_;
};

/// A number without fraction and exponent that fits 64 bits is an int64_t and exact; others are
/// doubles.
class Value {
 public:
  using Data = std::variant<std::nullptr_t, bool, int64_t, double, std::string, Array, Object>;

  Value() = default;
  explicit Value(Data data) : data_(std::move(data)) {}

  bool is_null() const { return std::holds_alternative<std::nullptr_t>(data_); }
  /// The value as `T` (an alternative of Data), or nullptr when it is of another kind.
  template <class T>
  const T* as() const {
    return std::get_if<T>(&data_);
  }

 private:
  Data data_ = nullptr;
};

struct Member {
  std::string key;
  Value value;
};

struct Limits {
  int depth = 64;             // nested arrays and objects
  size_t values = 4'000'000;  // of the whole text
};

/// Parses one JSON text. Throws std::runtime_error with what is wrong and the byte offset: syntax,
/// bytes after the value, invalid UTF-8, lone surrogates, duplicate keys, numbers out of range,
/// limits.
Value parse(std::string_view text, Limits limits = {});

}  // namespace mlxd::json
