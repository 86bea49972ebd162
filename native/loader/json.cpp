// Recursive descent over the grammar of RFC 8259, one function a production.
#include "loader/json.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <stdexcept>

#include "loader/utf8.h"

namespace mlxd::json {

namespace {

class Parser {
 public:
  Parser(std::string_view text, Limits limits) : text_(text), limits_(limits) {}

  Value document() {
    Value value = this->value(0);
    skip_space();
    if (at_ != text_.size()) fail("unexpected text after the value");
    return value;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw std::runtime_error("invalid JSON: " + what + " at byte " + std::to_string(at_));
  }

  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  void skip_space() {
    while (at_ < text_.size() &&
           std::string_view(" \t\n\r").find(text_[at_]) != std::string::npos) {
      ++at_;
    }
  }

  bool accept(char c) {
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  void expect(char c) {
    if (!accept(c)) fail(at_ < text_.size() ? std::string("expected '") + c + "'" : "cut short");
  }

  Value value(int depth) {
    if (++count_ > limits_.values) fail("more than " + std::to_string(limits_.values) + " values");
    skip_space();
    switch (peek()) {
      case '{':
        return Value(object(depth + 1));
      case '[':
        return Value(array(depth + 1));
      case '"':
        return Value(string());
      case 't':
        return literal("true", true);
      case 'f':
        return literal("false", false);
      case 'n':
        return literal("null", nullptr);
      default:
        return number();
    }
  }

  Value literal(std::string_view word, Value::Data data) {
    if (text_.substr(at_, word.size()) != word) fail("unknown literal");
    at_ += word.size();
    return Value(std::move(data));
  }

  void open(char bracket, int depth) {
    if (depth > limits_.depth) fail("nested deeper than " + std::to_string(limits_.depth));
    expect(bracket);
    skip_space();
  }

  Object object(int depth) {
    open('{', depth);
    std::vector<Member> members;
    if (accept('}')) return Object();
    do {
      skip_space();
      if (peek() != '"') fail("expected a key in quotes");
      std::string key = string();
      skip_space();
      expect(':');
      members.push_back({std::move(key), value(depth)});
      skip_space();
    } while (accept(','));
    expect('}');
    return Object(std::move(members));
  }

  Array array(int depth) {
    open('[', depth);
    Array items;
    if (accept(']')) return items;
    do {
      items.push_back(value(depth));
      skip_space();
    } while (accept(','));
    expect(']');
    return items;
  }

  std::string string() {
    expect('"');
    std::string out;
    while (!accept('"')) {
      if (at_ >= text_.size()) fail("string cut short");
      const auto byte = static_cast<unsigned char>(text_[at_]);
      if (byte < 0x20) fail("control character in a string");
      if (byte == '\\') {
        escape(out);
      } else {
        const size_t length = utf8::sequence_length(text_.substr(at_));
        if (length == 0) fail("invalid UTF-8 in a string");
        out.append(text_.substr(at_, length));
        at_ += length;
      }
    }
    return out;
  }

  void escape(std::string& out) {
    ++at_;
    const char letter = peek();
    constexpr std::string_view letters = "\"\\/bfnrt", meanings = "\"\\/\b\f\n\r\t";
    if (letter == 'u') {
      utf8::append(out, escaped_code_point());
    } else if (const size_t i = letters.find(letter); letter != '\0' && i != std::string::npos) {
      out += meanings[i];
      ++at_;
    } else {
      fail("unknown escape");
    }
  }

  char32_t escaped_code_point() {
    const unsigned unit = escaped_unit();
    if (unit < 0xD800 || unit > 0xDFFF) return unit;
    if (unit > 0xDBFF || peek() != '\\') fail("lone surrogate");
    ++at_;
    const unsigned low = escaped_unit();
    if (low < 0xDC00 || low > 0xDFFF) fail("lone surrogate");
    return 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
  }

  unsigned escaped_unit() {
    if (!accept('u')) fail("lone surrogate");
    unsigned unit = 0;
    const std::string_view digits = text_.substr(at_, 4);
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), unit, 16);
    if (error != std::errc() || end != digits.data() + 4) fail("expected four hexadecimal digits");
    at_ += 4;
    return unit;
  }

  size_t digits() {
    const size_t start = at_;
    while (peek() >= '0' && peek() <= '9') ++at_;
    return at_ - start;
  }

  Value number() {
    const size_t start = at_;
    accept('-');
    const bool leading_zero = peek() == '0';
    const size_t integer_digits = digits();
    if (integer_digits == 0) fail(at_ < text_.size() ? "expected a value" : "cut short");
    if (leading_zero && integer_digits > 1) fail("leading zero");
    bool integral = true;
    if (accept('.')) {
      integral = false;
      if (digits() == 0) fail("expected a digit after the point");
    }
    if (accept('e') || accept('E')) {
      integral = false;
      if (!accept('+')) accept('-');
      if (digits() == 0) fail("expected a digit in the exponent");
    }
    return converted(text_.substr(start, at_ - start), integral);
  }

  Value converted(std::string_view digits, bool integral) const {
    const char* end = digits.data() + digits.size();
    int64_t exact;
    if (integral && std::from_chars(digits.data(), end, exact).ec == std::errc())
      return Value(exact);
    // Not std::from_chars: Apple's libc++ has it for integers only. A locale with another decimal
    // point would stop strtod early: then fail rather than misread.
    const std::string copy(digits);
    char* stop;
    const double real = std::strtod(copy.c_str(), &stop);
    if (!std::isfinite(real) || *stop != '\0') fail("number out of range");
    return Value(real);
  }

  std::string_view text_;
  Limits limits_;
  size_t at_ = 0;
  size_t count_ = 0;
};

}  // namespace

Object::Object(std::vector<Member> members) : members_(std::move(members)) {
  std::ranges::sort(members_, {}, &Member::key);
  const auto twice = std::ranges::adjacent_find(members_, {}, &Member::key);
  if (twice != members_.end()) {
    throw std::runtime_error("invalid JSON: duplicate key \"" + twice->key + "\"");
  }
}

const Value* Object::find(std::string_view key) const {
  const auto found = std::ranges::lower_bound(members_, key, {}, &Member::key);
  return found != members_.end() && found->key == key ? &found->value : nullptr;
}

Value parse(std::string_view text, Limits limits) { return Parser(text, limits).document(); }

}  // namespace mlxd::json
