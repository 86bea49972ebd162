// Typed, range-checked access to the members of a JSON object; its errors name the file and the
// key.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "loader/json.h"

namespace mlxd {

/// A view of one object of a JSON file; the parsed value must outlive it. A null member counts as
/// absent.
class Fields {
 public:
  /// `file` and `path` are for messages; `path` is empty at the root. Throws unless `value` is an
  /// object.
  Fields(const json::Value& value, std::string file, std::string path = "");

  const json::Object& object() const { return *object_; }
  const json::Value* find(std::string_view key) const;
  bool has(std::string_view key) const { return find(key) != nullptr; }
  /// The nested object at `key`, or nothing.
  std::optional<Fields> fields(std::string_view key) const;

  /// Each throws when the member is of another kind or outside [least, most]; without a fallback,
  /// also when it is absent.
  int integer(std::string_view key, int least, int most) const;
  int integer(std::string_view key, int least, int most, int fallback) const;
  float real(std::string_view key, double least, double most) const;
  float real(std::string_view key, double least, double most, float fallback) const;
  bool boolean(std::string_view key, bool fallback) const;
  std::string string(std::string_view key) const;
  std::string string(std::string_view key, std::string fallback) const;

  /// An array of numbers, each in [least, most]; empty when it is absent.
  std::vector<int> integers(std::string_view key, int least, int most) const;
  std::vector<float> reals(std::string_view key, double least, double most) const;

  /// Throws "FILE: PATH.KEY WHAT".
  [[noreturn]] void fail(std::string_view key, const std::string& what) const;

 private:
  std::string name(std::string_view key) const;
  const json::Value& require(std::string_view key) const;
  const json::Array& array(std::string_view key) const;

  const json::Object* object_;
  std::string file_;
  std::string path_;
};

}  // namespace mlxd
