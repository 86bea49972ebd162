// The JSON reader: what RFC 8259 allows is read exactly, all else is refused, nothing crashes.
#include "loader/json.h"

#include <doctest/doctest.h>

#include <limits>
#include <random>

#include "errors.h"

namespace mlxd::test {

using json::parse;

namespace {

template <class T>
T value_of(const std::string& text) {
  const json::Value value = parse(text);
  REQUIRE(value.as<T>() != nullptr);
  return *value.as<T>();
}

}  // namespace

TEST_CASE("values of every kind") {
  CHECK(parse(" null ").is_null());
  CHECK(value_of<bool>("true"));
  CHECK_FALSE(value_of<bool>("false"));
  CHECK(value_of<double>("-0.5e-3") == -0.5e-3);
  CHECK(value_of<double>("1E+2") == 100.0);
  CHECK(value_of<std::string>("\"\"").empty());
  CHECK(value_of<json::Array>("[ ]").empty());
  CHECK(value_of<json::Array>("[1,[2],{}]").size() == 3);
  CHECK(value_of<json::Object>("{}").members().empty());
  const auto object = value_of<json::Object>(R"({"b":1, "a" : {"c":[true]}})");
  CHECK(object.find("a")->as<json::Object>()->find("c")->as<json::Array>()->size() == 1);
  CHECK(object.find("c") == nullptr);
}

TEST_CASE("integers of 64 bits are exact") {
  CHECK(value_of<int64_t>("9007199254740993") == 9007199254740993);
  CHECK(value_of<int64_t>("9223372036854775807") == std::numeric_limits<int64_t>::max());
  CHECK(value_of<int64_t>("-9223372036854775808") == std::numeric_limits<int64_t>::min());
  CHECK(value_of<double>("9223372036854775808") == 9223372036854775808.0);
}

TEST_CASE("strings: escapes, surrogate pairs, UTF-8") {
  CHECK(value_of<std::string>(R"("\"\\\/\b\f\n\r\t")") == "\"\\/\b\f\n\r\t");
  CHECK(value_of<std::string>(R"("\u0041\u00e9\u20AC\ud83d\ude00")") == "A\u00e9\u20ac\U0001F600");
  CHECK(value_of<std::string>("\"\U0001F600\u00e9\"") == "\U0001F600\u00e9");
  CHECK(value_of<std::string>(R"("\u0000")") == std::string(1, '\0'));
}

TEST_CASE("what is not JSON is refused") {
  for (const std::string text : {"",
                                 " ",
                                 "{",
                                 "[",
                                 "\"",
                                 "\"a",
                                 "{\"a\"",
                                 "{\"a\":",
                                 "{\"a\":1",
                                 "{\"a\":1,",
                                 "{\"a\":1,}",
                                 "{a:1}",
                                 "{1:1}",
                                 "[1,]",
                                 "[,1]",
                                 "[1 2]",
                                 "1 2",
                                 "nul",
                                 "nulll",
                                 "True",
                                 "NaN",
                                 "Infinity",
                                 "-",
                                 "-a",
                                 "+1",
                                 "01",
                                 "-01",
                                 "1.",
                                 ".5",
                                 "1e",
                                 "1e+",
                                 "0x10",
                                 "1e999",
                                 "-1e999",
                                 "'a'",
                                 "\"\\x\"",
                                 "\"\\u12\"",
                                 "\"\\u12G4\"",
                                 "\"\\ud800\"",
                                 "\"\\ud800\\n\"",
                                 "\"\\udc00\"",
                                 "\"\\ud800\\ud800\"",
                                 "\"a\nb\"",
                                 "\"\x01\"",
                                 "\"\xff\"",
                                 "\"\xc0\x80\"",
                                 "\"\xed\xa0\x80\"",
                                 "\"\xf4\x90\x80\x80\"",
                                 "\"\xe2\x82\"",
                                 "/**/1",
                                 "[1]]",
                                 "\xef\xbb\xbf{}"}) {
    CAPTURE(text);
    CHECK(says(error_of([&] { parse(text); }), "invalid JSON"));
  }
  CHECK(says(error_of([] { parse(std::string("1\0", 2)); }), "invalid JSON"));
}

TEST_CASE("duplicate keys are refused, at any depth and however they are spelled") {
  CHECK(says(error_of([] { parse(R"([{"a":1,"b":2,"a":1}])"); }), "duplicate key \"a\""));
  CHECK(says(error_of([] { parse(R"({"a":1,"\u0061":2})"); }), "duplicate key \"a\""));
}

TEST_CASE("depth and count are bounded") {
  const std::string deep(1'000'000, '[');
  CHECK(says(error_of([&] { parse(deep); }), "nested deeper than 64"));
  const std::string within = std::string(64, '[') + std::string(64, ']');
  CHECK_NOTHROW(parse(within));
  CHECK_THROWS(parse("[" + within + "]"));
  CHECK(says(error_of([] { parse("[1,2,3]", {.depth = 8, .values = 3}); }), "more than 3 values"));
  CHECK_NOTHROW(parse("[1,2]", {.depth = 8, .values = 3}));
}

TEST_CASE("mutated JSON parses or throws, and never crashes") {
  const std::string original =
      R"({"model_type":"llama","rope":{"theta":1e4,"x":[1,2.5,-3,true,null]},"s":"\u00e9\ud83d\ude00é"})";
  std::mt19937 random(7);
  int parsed = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string text = original;
    for (int edits = 1 + random() % 4; edits > 0 && !text.empty(); --edits) {
      const size_t at = random() % text.size();
      switch (random() % 4) {
        case 0:
          text[at] = static_cast<char>(random());
          break;
        case 1:
          text.erase(at, 1 + random() % 8);
          break;
        case 2:
          text.insert(at, 1, text[random() % text.size()]);
          break;
        default:
          text.resize(at);
          break;
      }
    }
    parsed += error_of([&] { parse(text); }) == "(no error)";
  }
  CHECK(parsed > 0);
  CHECK(parsed < 10'000);
}

}  // namespace mlxd::test
