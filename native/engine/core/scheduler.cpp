// The scheduling policy and the life of a sequence; sees no tensors. Engine thread only.
#include "engine/core/scheduler.h"

#include <algorithm>
#include <utility>

namespace mlxd {
namespace {

Failure invalid(std::string message) { return {"invalid_request", std::move(message)}; }

template <typename Sequences>
SequencePtr take_out(Sequences& sequences, RequestId id) {
  auto found = std::find_if(sequences.begin(), sequences.end(),
                            [id](const SequencePtr& s) { return s->id() == id; });
  if (found == sequences.end()) return nullptr;
  SequencePtr sequence = std::move(*found);
  sequences.erase(found);
  return sequence;
}

bool contains(const std::vector<Token>& tokens, Token token) {
  return std::find(tokens.begin(), tokens.end(), token) != tokens.end();
}

}  // namespace

std::optional<Failure> Scheduler::add(Request request) {
  if (auto failure = check(request)) return failure;
  auto sequence = std::make_shared<Sequence>();
  sequence->request = std::move(request);
  const int room = limits_.context_length - sequence->prompt_size();
  sequence->request.max_tokens = std::min(sequence->request.max_tokens, room);
  waiting_.push_back(std::move(sequence));
  return std::nullopt;
}

std::optional<Failure> Scheduler::check(const Request& request) const {
  const auto has_id = [&](const SequencePtr& s) { return s->id() == request.id; };
  if (std::any_of(waiting_.begin(), waiting_.end(), has_id) ||
      std::any_of(running_.begin(), running_.end(), has_id)) {
    return invalid("request id " + std::to_string(request.id) + " is in use");
  }
  if (request.tokens.empty()) return invalid("the prompt has no tokens");
  if (request.max_tokens < 1) {
    return invalid("max tokens must be at least 1, got " + std::to_string(request.max_tokens));
  }
  if (auto problem = problem_of(request.sampling, limits_.vocab_size)) return invalid(*problem);
  for (Token token : request.tokens) {
    if (token < 0 || token >= limits_.vocab_size) {
      return invalid("prompt token " + std::to_string(token) + " is outside the vocabulary of " +
                     std::to_string(limits_.vocab_size));
    }
  }
  if (request.tokens.size() >= static_cast<size_t>(limits_.context_length)) {
    return Failure{"context_length_exceeded", "the prompt has " +
                                                  std::to_string(request.tokens.size()) +
                                                  " tokens and the model's context holds " +
                                                  std::to_string(limits_.context_length) +
                                                  ", completion included: shorten the prompt"};
  }
  return std::nullopt;
}

Plan Scheduler::next() {
  const bool can_prefill = !waiting_.empty() && running() < limits_.max_sequences;
  if (can_prefill && !prefilled_last_) return plan_chunk();
  Plan plan = plan_decode();
  return plan.idle() && can_prefill ? plan_chunk() : plan;
}

Plan Scheduler::plan_chunk() {
  const SequencePtr sequence = waiting_.front();
  const int left = sequence->prompt_size() - sequence->computed;
  const int length = std::min(left, limits_.prefill_chunk);
  Plan plan{{{sequence, sequence->computed, length}}, length == left};
  sequence->computed += length;
  sequence->state = Sequence::State::prefill;
  if (plan.samples) {
    sequence->state = Sequence::State::decode;
    sequence->planned = 1;
    waiting_.pop_front();
    running_.push_back(sequence);
  }
  prefilled_last_ = true;
  return plan;
}

Plan Scheduler::plan_decode() {
  Plan plan{{}, true};
  for (const SequencePtr& sequence : running_) {
    if (sequence->planned == sequence->request.max_tokens) continue;  // its last token is in flight
    plan.rows.push_back({sequence, sequence->computed, 1});
    ++sequence->computed;
    ++sequence->planned;
  }
  prefilled_last_ = false;
  return plan;
}

Scheduler::Accepted Scheduler::accept(Sequence& sequence, Token token) {
  sequence.last = token;
  if (contains(sequence.request.stop_tokens, token)) {
    remove(sequence.id());
    return {false, Finish::stop};
  }
  if (++sequence.generated < sequence.request.max_tokens) return {true, std::nullopt};
  remove(sequence.id());
  return {true, Finish::length};
}

SequencePtr Scheduler::remove(RequestId id) {
  SequencePtr sequence = take_out(running_, id);
  if (!sequence) sequence = take_out(waiting_, id);
  if (sequence) sequence->state = Sequence::State::done;
  return sequence;
}

std::vector<SequencePtr> Scheduler::remove_all() {
  std::vector<SequencePtr> all = std::exchange(running_, {});
  all.insert(all.end(), waiting_.begin(), waiting_.end());
  waiting_.clear();
  for (const SequencePtr& sequence : all) sequence->state = Sequence::State::done;
  return all;
}

}  // namespace mlxd
