// What the precisions of the CPU kernels, and keys and values in fewer bits, make of the same
// model: greedy answers, and the logits along given tokens beside those of `exact`. It measures;
// bench/precision/ counts and judges. Usage: precision_probe MODEL_FOLDER ANSWER_TOKENS [THREADS] <
// sequences. A line of input is `prompt` or `text`, then token ids. Prints JSON.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <iostream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "kernels/cpu/isa.h"
#include "kernels/settings.h"
#include "models/load.h"

using namespace mlxd;
using kernels::Precision;

namespace {

constexpr size_t kChunk = 128;  // tokens of one forward pass: bounds the logits held

using Tokens = std::vector<int>;

struct Sequence {
  bool is_prompt;  // else a text
  Tokens tokens;
};

/// A model's view of tokens that it was given: the token it would have chosen at each place, and
/// the sum of -log p (nats) of those that stand there.
struct Reading {
  Tokens argmax;
  double nll = 0;
};

/// |logit - logit of exact|, over all places read and the whole vocabulary.
struct Difference {
  double max = 0;
  double sum = 0;
  size_t count = 0;
};

int argmax(const float* logits, int vocab) {
  return static_cast<int>(std::max_element(logits, logits + vocab) - logits);
}

/// -log p of `token`, in float64.
double nll_of(const float* logits, int vocab, int token) {
  const double top = *std::max_element(logits, logits + vocab);
  double sum = 0;
  for (int i = 0; i < vocab; ++i) sum += std::exp(logits[i] - top);
  return std::log(sum) + top - logits[token];
}

/// The model at one precision, and what was found of it.
class Subject {
 public:
  Subject(const char* name, Precision precision, int kv_bits, const std::string& folder)
      : name_(name), loaded_(load(precision, kv_bits, folder)) {}

  int vocab() const { return loaded_.config.vocab_size; }
  SequenceCache make_cache() const { return loaded_.model->make_cache(); }

  /// Logits [length, vocab] after each of `length` tokens, which continue `cache` at `offset`.
  std::vector<float> feed(SequenceCache& cache, const int* tokens, int length, int offset) const {
    const Step step{mx::array(tokens, {length}, mx::int32), {{length, offset, &cache}}};
    auto logits = mx::astype(loaded_.model->logits(loaded_.model->forward(step)), mx::float32);
    logits = mx::contiguous(logits);
    mx::eval(logits);
    return {logits.data<float>(), logits.data<float>() + logits.size()};
  }

  /// Up to `count` tokens, each the likeliest one; a token that ends the turn is the last.
  Tokens answer(const Tokens& prompt, int count) const {
    const auto& ends = loaded_.config.eos_token_ids;
    SequenceCache cache = make_cache();
    auto logits = feed(cache, prompt.data(), static_cast<int>(prompt.size()), 0);
    Tokens tokens;
    while (true) {
      tokens.push_back(argmax(logits.data() + logits.size() - vocab(), vocab()));
      const bool ended = std::find(ends.begin(), ends.end(), tokens.back()) != ends.end();
      if (ended || static_cast<int>(tokens.size()) == count) return tokens;
      const int offset = static_cast<int>(prompt.size() + tokens.size()) - 1;
      logits = feed(cache, &tokens.back(), 1, offset);
    }
  }

  void add_difference(const std::vector<float>& logits, const std::vector<float>& exact,
                      size_t first_row) {
    for (size_t i = first_row * vocab(); i < logits.size(); ++i) {
      const double difference = std::abs(double(logits[i]) - exact[i]);
      // Written so that a NaN comes in and stays: it must not pass for agreement.
      if (!(difference <= difference_.max) && !std::isnan(difference_.max)) {
        difference_.max = difference;
      }
      difference_.sum += difference;
      ++difference_.count;
    }
  }

  const char* name() const { return name_; }
  const Difference& difference() const { return difference_; }

 private:
  static LoadedModel load(Precision precision, int kv_bits, const std::string& folder) {
    kernels::set_precision(precision);
    kernels::set_kv_bits(kv_bits);
    return load_model(folder, nullptr);
  }

  const char* name_;
  LoadedModel loaded_;
  Difference difference_;
};

/// Lets every subject (`exact` first) read `tokens`; judges what they expect from place `from` on.
std::vector<Reading> read(std::vector<Subject>& subjects, const Tokens& tokens, size_t from) {
  std::vector<SequenceCache> caches;
  for (const Subject& subject : subjects) caches.push_back(subject.make_cache());
  std::vector<Reading> readings(subjects.size());
  const size_t inputs = tokens.size() - 1;  // nothing is known of what follows the last token
  for (size_t begin = 0; begin < inputs; begin += kChunk) {
    const size_t length = std::min(kChunk, inputs - begin);
    const size_t first = from > begin + 1 ? std::min(from - 1 - begin, length) : 0;
    std::vector<float> exact;
    for (size_t s = 0; s < subjects.size(); ++s) {
      Subject& subject = subjects[s];
      auto logits = subject.feed(caches[s], tokens.data() + begin, static_cast<int>(length),
                                 static_cast<int>(begin));
      for (size_t row = first; row < length; ++row) {
        const float* at = logits.data() + row * subject.vocab();
        readings[s].argmax.push_back(argmax(at, subject.vocab()));
        readings[s].nll += nll_of(at, subject.vocab(), tokens[begin + row + 1]);
      }
      if (s == 0)
        exact = std::move(logits);
      else
        subject.add_difference(logits, exact, first);
    }
  }
  return readings;
}

std::string list_of(const Tokens& tokens) {
  std::string text = "[";
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (i > 0) text += ',';
    text += std::to_string(tokens[i]);
  }
  return text + ']';
}

std::string number(double value) {
  if (!std::isfinite(value)) return "null";  // JSON has no other
  char text[32];
  std::snprintf(text, sizeof text, "%.17g", value);
  return text;
}

/// One sequence for all subjects, as JSON. The answer of `exact` is what all of them read after a
/// prompt.
std::string probe(std::vector<Subject>& subjects, const Sequence& sequence, int count) {
  std::vector<Tokens> answers(subjects.size());
  Tokens tokens = sequence.tokens;
  if (sequence.is_prompt) {
    for (size_t s = 0; s < subjects.size(); ++s) answers[s] = subjects[s].answer(tokens, count);
    tokens.insert(tokens.end(), answers[0].begin(), answers[0].end());
  }
  const auto readings = read(subjects, tokens, sequence.is_prompt ? sequence.tokens.size() : 1);
  std::string json;
  for (size_t s = 0; s < subjects.size(); ++s) {
    json += (s ? ",\"" : "{\"") + std::string(subjects[s].name()) + "\":{\"answer\":";
    json += list_of(answers[s]) + ",\"argmax\":" + list_of(readings[s].argmax);
    json += ",\"nll\":" + number(readings[s].nll) + "}";
  }
  return json + "}";
}

int whole_number(const std::string& text, int least, int bound, const std::string& what) {
  int value = -1;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error == std::errc() && stop == end && value >= least && value < bound) return value;
  throw std::runtime_error(what + " must be a whole number from " + std::to_string(least) + " to " +
                           std::to_string(bound - 1) + ", got " + text);
}

std::vector<Sequence> read_sequences(std::istream& input, int vocab) {
  std::vector<Sequence> sequences;
  for (std::string line; std::getline(input, line);) {
    const std::string where = "line " + std::to_string(sequences.size() + 1) + " of the input";
    std::istringstream words(line);
    std::string word;
    words >> word;
    if (word != "prompt" && word != "text") {
      throw std::runtime_error(where + " must begin with prompt or text, got " + word);
    }
    Sequence sequence{word == "prompt", {}};
    while (words >> word) {
      sequence.tokens.push_back(whole_number(word, 0, vocab, where + ": a token"));
    }
    if (sequence.tokens.size() < 2) throw std::runtime_error(where + " needs two tokens or more");
    sequences.push_back(std::move(sequence));
  }
  return sequences;
}

void run(int argc, char** argv) {
  if (argc < 3 || argc > 4) {
    throw std::runtime_error("usage: precision_probe MODEL_FOLDER ANSWER_TOKENS [THREADS]");
  }
  const int count = whole_number(argv[2], 1, 1 << 20, "ANSWER_TOKENS");
  if (argc == 4) kernels::set_threads(whole_number(argv[3], 1, 257, "THREADS"));
  mx::set_default_device(mx::Device::cpu);
  std::vector<Subject> subjects;
  subjects.emplace_back("exact", Precision::exact, 16, argv[1]);
  subjects.emplace_back("balanced", Precision::balanced, 16, argv[1]);
  subjects.emplace_back("fast", Precision::fast, 16, argv[1]);
  subjects.emplace_back("kv8", Precision::balanced, 8, argv[1]);
  subjects.emplace_back("kv4", Precision::balanced, 4, argv[1]);
  const auto sequences = read_sequences(std::cin, subjects[0].vocab());

  std::string results;
  for (size_t i = 0; i < sequences.size(); ++i) {
    std::fprintf(stderr, "sequence %zu of %zu\n", i + 1, sequences.size());
    if (i > 0) results += ",\n";
    results += probe(subjects, sequences[i], count);
  }
  std::string differences;
  for (const Subject& subject : subjects) {
    const auto& [max, sum, places] = subject.difference();
    differences += (differences.empty() ? "\"" : ",\"") + std::string(subject.name()) +
                   "\":{\"max\":" + number(max) +
                   ",\"mean\":" + number(places ? sum / static_cast<double>(places) : 0) + "}";
  }
  std::printf("{\"isa\":\"%s\",\"threads\":%d,\"differences\":{%s},\"sequences\":[\n%s\n]}\n",
              kernels::cpu::isa_name(kernels::cpu::best_isa()), kernels::threads(),
              differences.c_str(), results.c_str());
}

}  // namespace

int main(int argc, char** argv) {
  try {
    run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "precision_probe: %s\n", error.what());
    return 1;
  }
}
