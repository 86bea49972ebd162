// See fields.h.
#include "loader/fields.h"

#include <sstream>
#include <stdexcept>

namespace mlxd {

namespace {

std::optional<double> real_of(const json::Value& value) {
  if (const auto* exact = value.as<int64_t>()) return static_cast<double>(*exact);
  if (const auto* number = value.as<double>()) return *number;
  return std::nullopt;
}

std::string range(const char* what, double least, double most) {
  std::ostringstream text;
  text << what << " from " << least << " to " << most;
  return text.str();
}

}  // namespace

Fields::Fields(const json::Value& value, std::string file, std::string path)
    : object_(value.as<json::Object>()), file_(std::move(file)), path_(std::move(path)) {
  if (object_ == nullptr) {
    throw std::runtime_error(file_ + ": " + (path_.empty() ? "the file" : path_) +
                             " must be a JSON object");
  }
}

const json::Value* Fields::find(std::string_view key) const {
  const json::Value* value = object_->find(key);
  return value != nullptr && value->is_null() ? nullptr : value;
}

std::string Fields::name(std::string_view key) const {
  return path_.empty() ? std::string(key) : path_ + "." + std::string(key);
}

void Fields::fail(std::string_view key, const std::string& what) const {
  throw std::runtime_error(file_ + ": " + name(key) + " " + what);
}

const json::Value& Fields::require(std::string_view key) const {
  const json::Value* value = find(key);
  if (value == nullptr) fail(key, "is missing");
  return *value;
}

std::optional<Fields> Fields::fields(std::string_view key) const {
  const json::Value* value = find(key);
  if (value == nullptr) return std::nullopt;
  return Fields(*value, file_, name(key));
}

int Fields::integer(std::string_view key, int least, int most) const {
  const auto* number = require(key).as<int64_t>();
  if (number == nullptr || *number < least || *number > most) {
    fail(key, "must be an integer from " + std::to_string(least) + " to " + std::to_string(most));
  }
  return static_cast<int>(*number);
}

int Fields::integer(std::string_view key, int least, int most, int fallback) const {
  return has(key) ? integer(key, least, most) : fallback;
}

float Fields::real(std::string_view key, double least, double most) const {
  const std::optional<double> number = real_of(require(key));
  if (!number || *number < least || *number > most)
    fail(key, range("must be a number", least, most));
  return static_cast<float>(*number);
}

float Fields::real(std::string_view key, double least, double most, float fallback) const {
  return has(key) ? real(key, least, most) : fallback;
}

const json::Array& Fields::array(std::string_view key) const {
  static const json::Array none;
  const json::Value* value = find(key);
  if (value == nullptr) return none;
  const auto* items = value->as<json::Array>();
  if (items == nullptr) fail(key, "must be an array");
  return *items;
}

std::vector<int> Fields::integers(std::string_view key, int least, int most) const {
  std::vector<int> numbers;
  for (const json::Value& item : array(key)) {
    const auto* number = item.as<int64_t>();
    if (number == nullptr || *number < least || *number > most) {
      fail(key, "must hold integers from " + std::to_string(least) + " to " + std::to_string(most));
    }
    numbers.push_back(static_cast<int>(*number));
  }
  return numbers;
}

std::vector<float> Fields::reals(std::string_view key, double least, double most) const {
  std::vector<float> numbers;
  for (const json::Value& item : array(key)) {
    const std::optional<double> number = real_of(item);
    if (!number || *number < least || *number > most)
      fail(key, range("must hold numbers", least, most));
    numbers.push_back(static_cast<float>(*number));
  }
  return numbers;
}

bool Fields::boolean(std::string_view key, bool fallback) const {
  if (!has(key)) return fallback;
  const bool* value = find(key)->as<bool>();
  if (value == nullptr) fail(key, "must be true or false");
  return *value;
}

std::string Fields::string(std::string_view key) const {
  const auto* value = require(key).as<std::string>();
  if (value == nullptr) fail(key, "must be a string");
  return *value;
}

std::string Fields::string(std::string_view key, std::string fallback) const {
  return has(key) ? string(key) : fallback;
}

}  // namespace mlxd
