// What grammars cost over a real vocabulary: compiling, beginning a reply, and each mask along
// given replies. Usage: grammar_bench < JSON {tokens: [hex bytes], ends: [ids], sample:
// [ids], cases: [{name, grammar, replies: [[ids]]}]}. Prints JSON, in microseconds. bench/grammar/
// counts.
#include <chrono>
#include <cstdio>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

#include "grammar/grammar.h"
#include "loader/json.h"

using namespace mlxd;

namespace {

using Clock = std::chrono::steady_clock;

double microseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::micro>(Clock::now() - start).count();
}

const json::Value& at(const json::Value& from, const char* key) {
  return *from.as<json::Object>()->find(key);
}

const json::Array& list(const json::Value& from, const char* key) {
  return *at(from, key).as<json::Array>();
}

std::vector<Token> tokens_of(const json::Array& numbers) {
  std::vector<Token> tokens;
  for (const json::Value& number : numbers) {
    tokens.push_back(static_cast<Token>(*number.as<int64_t>()));
  }
  return tokens;
}

Vocabulary vocabulary_of(const json::Value& input) {
  Vocabulary vocabulary;
  for (const json::Value& token : list(input, "tokens")) {
    const std::string& hex = *token.as<std::string>();
    for (size_t i = 0; i < hex.size(); i += 2) {
      vocabulary.bytes.push_back(static_cast<uint8_t>(std::stoi(hex.substr(i, 2), nullptr, 16)));
    }
    vocabulary.lengths.push_back(static_cast<uint32_t>(hex.size() / 2));
  }
  vocabulary.end_tokens = tokens_of(list(input, "ends"));
  vocabulary.sample = tokens_of(list(input, "sample"));
  return vocabulary;
}

/// The time of each mask along a reply. Throws where the grammar does not take it.
std::vector<double> walk(const Grammar& grammar, const std::vector<Token>& reply) {
  const auto constraint = grammar.begin();
  std::vector<uint32_t> words(grammar.mask_words());
  std::vector<double> times;
  for (size_t i = 0; i <= reply.size(); ++i) {
    const auto start = Clock::now();
    constraint->mask(words);
    times.push_back(microseconds_since(start));
    if (i < reply.size() && !constraint->accept(reply[i])) {
      throw GrammarError("token " + std::to_string(i) + " does not fit");
    }
  }
  return times;
}

void print(const char* name, const std::vector<double>& values) {
  std::printf("\"%s\": [", name);
  for (size_t i = 0; i < values.size(); ++i) std::printf("%s%.2f", i > 0 ? ", " : "", values[i]);
  std::printf("]");
}

void run(const GrammarCompiler& compiler, const json::Value& one) {
  const auto start = Clock::now();
  const auto grammar = compiler.compile(*at(one, "grammar").as<std::string>());
  const double compile = microseconds_since(start);
  const auto cloned = Clock::now();
  grammar->begin();
  std::printf("{\"compile\": %.1f, \"begin\": %.1f, ", compile, microseconds_since(cloned));
  std::vector<double> masks;
  for (const json::Value& reply : list(one, "replies")) {
    const auto times = walk(*grammar, tokens_of(*reply.as<json::Array>()));
    masks.insert(masks.end(), times.begin(), times.end());
  }
  print("masks", masks);
  std::printf("}");
}

}  // namespace

int main() {
  const std::string text(std::istreambuf_iterator<char>(std::cin), {});
  const json::Value input = json::parse(text);
  const auto start = Clock::now();
  const auto compiler = GrammarCompiler::make(vocabulary_of(input));
  std::printf("{\"vocabulary\": %.1f, \"cases\": [", microseconds_since(start));
  bool first = true;
  for (const json::Value& one : list(input, "cases")) {
    if (!first) std::printf(",\n");
    first = false;
    try {
      run(*compiler, one);
    } catch (const GrammarError& error) {
      std::fprintf(stderr, "%s: %s\n", at(one, "name").as<std::string>()->c_str(), error.what());
      return 1;
    }
  }
  std::printf("]}\n");
}
