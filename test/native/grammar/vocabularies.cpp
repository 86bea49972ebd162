#include "grammar/vocabularies.h"

#include <map>
#include <stdexcept>

#include "loader/json_file.h"

namespace mlxd::testing {
namespace {

/// GPT-2's alphabet: the character of each byte, and back.
std::map<std::string, char> byte_alphabet() {
  std::map<std::string, char> bytes;
  int next = 0x100;
  for (int byte = 0; byte < 256; ++byte) {
    const bool printable =
        (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
    const int code = printable ? byte : next++;
    const std::string utf8 = code < 0x80 ? std::string(1, static_cast<char>(code))
                                         : std::string{static_cast<char>(0xc0 | code >> 6),
                                                       static_cast<char>(0x80 | (code & 0x3f))};
    bytes[utf8] = static_cast<char>(byte);
  }
  return bytes;
}

std::string decoded(const std::string& token, const std::map<std::string, char>& bytes) {
  std::string text;
  for (size_t at = 0; at < token.size();) {
    const size_t length = (token[at] & 0x80) == 0 ? 1 : 2;
    text += bytes.at(token.substr(at, length));
    at += length;
  }
  return text;
}

Tokens with_vocabulary(std::vector<std::string> texts, const std::vector<bool>& control,
                       Token end) {
  Tokens tokens{{}, std::move(texts), {}};
  auto& [bytes, lengths, end_tokens, sample] = tokens.vocabulary;
  for (size_t i = 0; i < tokens.texts.size(); ++i) {
    const std::string& text = tokens.texts[i];
    if (control[i]) bytes.push_back(0xff);
    bytes.insert(bytes.end(), text.begin(), text.end());
    lengths.push_back(static_cast<uint32_t>(text.size() + (control[i] ? 1 : 0)));
  }
  end_tokens = {end};
  for (size_t i = 0; i < tokens.texts.size(); ++i) {
    tokens.places.emplace(tokens.texts[i], static_cast<Token>(i));
  }
  return tokens;
}

}  // namespace

std::vector<Token> Tokens::cut(const std::string& text, std::mt19937* random) const {
  constexpr size_t kLongest = 40;
  std::vector<Token> all;
  for (size_t at = 0; at < text.size();) {
    std::vector<Token> fitting;
    for (size_t length = 1; length <= kLongest && at + length <= text.size(); ++length) {
      const auto found = places.find(text.substr(at, length));
      if (found != places.end()) fitting.push_back(found->second);
    }
    if (fitting.empty()) throw std::runtime_error("no token fits: " + text.substr(at));
    const bool any = random && !is_control(fitting.back());
    const Token token = any ? fitting[(*random)() % fitting.size()] : fitting.back();
    all.push_back(token);
    at += texts[static_cast<size_t>(token)].size();
  }
  return all;
}

bool Tokens::is_control(Token token) const {
  return vocabulary.lengths[static_cast<size_t>(token)] > texts[static_cast<size_t>(token)].size();
}

Tokens byte_tokens(const std::vector<std::string>& control) {
  std::vector<std::string> texts;
  for (int byte = 0; byte < 256; ++byte) texts.emplace_back(1, static_cast<char>(byte));
  texts.insert(texts.end(), control.begin(), control.end());
  texts.emplace_back("<the end>");
  std::vector<bool> is_control(texts.size(), true);
  std::fill_n(is_control.begin(), 256, false);
  const auto end = static_cast<Token>(texts.size() - 1);
  return with_vocabulary(std::move(texts), is_control, end);
}

Tokens byte_level_tokens(const std::filesystem::path& file, const std::string& end) {
  const json::Value value = read_json_file(file, size_t{1} << 26);
  const auto& root = *value.as<json::Object>();
  const auto& vocab = *root.find("model")->as<json::Object>()->find("vocab")->as<json::Object>();
  const auto alphabet = byte_alphabet();
  std::vector<std::string> texts(vocab.members().size());
  std::vector<bool> control(texts.size(), false);
  for (const json::Value& item : *root.find("added_tokens")->as<json::Array>()) {
    const auto& added = *item.as<json::Object>();
    const auto id = static_cast<size_t>(*added.find("id")->as<int64_t>());
    control.at(id) = true;
    texts[id] = *added.find("content")->as<std::string>();
  }
  Token end_token = -1;
  for (const auto& [token, id] : vocab.members()) {
    const auto place = static_cast<size_t>(*id.as<int64_t>());
    if (!control.at(place)) texts[place] = decoded(token, alphabet);
    if (token == end) end_token = static_cast<Token>(place);
  }
  return with_vocabulary(std::move(texts), control, end_token);
}

}  // namespace mlxd::testing
