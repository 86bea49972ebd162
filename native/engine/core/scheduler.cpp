// The scheduling policy and the life of a sequence; sees no tensors. Engine thread only.
#include "engine/core/scheduler.h"

#include <algorithm>
#include <iterator>
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

bool is_older(const SequencePtr& a, const SequencePtr& b) {
  return std::pair(a->request.priority, a->arrival) < std::pair(b->request.priority, b->arrival);
}

bool is_shorter(const SequencePtr& a, const SequencePtr& b) {
  return std::pair(a->left(), a->arrival) < std::pair(b->left(), b->arrival);
}

/// Tokens of a reply that goes on count as its own.
TokenHistory history_of(const Request& request) {
  const auto replied = request.tokens.end() - request.replied;
  TokenHistory history({request.tokens.begin(), replied}, request.sampling.repetition_window);
  std::for_each(replied, request.tokens.end(), [&](Token token) { history.add(token); });
  return history;
}

/// False once its last token is in flight.
bool wants_more(const Sequence& sequence) { return sequence.planned < sequence.request.max_tokens; }

/// The next `length` tokens of a sequence, which counts as advanced by them.
void plan_row(Plan& plan, const SequencePtr& sequence, int length) {
  const Plan::Row row{sequence, sequence->computed, length, sequence->attempt};
  const bool samples = length == sequence->left();
  if (sequence->state == Sequence::State::prefill) plan.prompt_tokens += length;
  plan.rows.insert(samples ? plan.rows.begin() + plan.sampling : plan.rows.end(), row);
  sequence->computed += length;
  if (!samples) return;
  ++plan.sampling;
  ++sequence->planned;
  sequence->state = Sequence::State::decode;
}

}  // namespace

std::optional<Failure> Scheduler::add(Request request) {
  if (auto failure = check(request)) return failure;
  auto sequence = std::make_shared<Sequence>();
  sequence->request = std::move(request);
  if (const SamplingParams& sampling = sequence->request.sampling; sampling.penalizes()) {
    sequence->history = history_of(sequence->request);
  }
  const int room = limits_.context_length - sequence->prompt_size();
  sequence->request.max_tokens = std::min(sequence->request.max_tokens, room);
  sequence->arrival = ++arrivals_;
  enqueue(std::move(sequence));
  return std::nullopt;
}

void Scheduler::enqueue(SequencePtr sequence) {
  const auto place = std::upper_bound(waiting_.begin(), waiting_.end(), sequence, is_older);
  waiting_.insert(place, std::move(sequence));
}

std::optional<Failure> Scheduler::check(const Request& request) const {
  const auto has_id = [&](const SequencePtr& s) { return s->id() == request.id; };
  if (std::any_of(waiting_.begin(), waiting_.end(), has_id) ||
      std::any_of(started_.begin(), started_.end(), has_id)) {
    return invalid("request id " + std::to_string(request.id) + " is in use");
  }
  if (request.tokens.empty()) return invalid("the prompt has no tokens");
  if (request.max_tokens < 1) {
    return invalid("max tokens must be at least 1, got " + std::to_string(request.max_tokens));
  }
  if (auto problem = problem_of(request.sampling, limits_.vocab_size)) return invalid(*problem);
  if (auto problem = problem_of_logprobs(request.prompt_logprobs.value_or(0))) {
    return invalid("prompt " + *problem);
  }
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
  if (request.replied < 0 || static_cast<size_t>(request.replied) > request.tokens.size()) {
    return invalid("a reply that goes on is part of its " + std::to_string(request.tokens.size()) +
                   " tokens, got " + std::to_string(request.replied));
  }
  if (request.replied > 0) return std::nullopt;  // it had its place
  const auto live = static_cast<int64_t>(waiting_.size() + started_.size());
  if (live >= int64_t{limits_.max_sequences} + limits_.max_queue) {
    return Failure{"queue_full", std::to_string(live) + " requests are being served or waiting"};
  }
  return std::nullopt;
}

Plan Scheduler::next() {
  start_waiting();
  Plan plan;
  const auto suspect = std::find_if(started_.begin(), started_.end(),
                                    [](const SequencePtr& s) { return s->suspect; });
  if (suspect != started_.end()) {
    const SequencePtr& sequence = *suspect;
    const int length = std::min(sequence->left(), chunk_.tokens(Chunk::alone));
    if (wants_more(*sequence)) plan_row(plan, sequence, length);
  } else {
    plan_decode(plan);
    plan_prompts(plan);
  }
  return plan;
}

void Scheduler::start_waiting() {
  for (auto next = waiting_.begin(); next != waiting_.end();) {
    if (started_.size() >= static_cast<size_t>(limits_.max_sequences)) return;
    const Start start = may_start_ ? may_start_(**next) : Start::now;
    if (start == Start::nothing_now) return;
    if (start == Start::later) {
      ++next;
      continue;
    }
    (*next)->state = Sequence::State::prefill;
    started_.push_back(std::move(*next));
    next = waiting_.erase(next);
  }
}

void Scheduler::plan_decode(Plan& plan) {
  for (const SequencePtr& sequence : started_) {
    if (sequence->state == Sequence::State::decode && wants_more(*sequence)) {
      plan_row(plan, sequence, sequence->left());
    }
  }
}

void Scheduler::plan_prompts(Plan& plan) {
  const std::vector<SequencePtr> prompts = prompts_in_order();
  const int decoding = static_cast<int>(plan.rows.size());
  const bool company = decoding > 0 || prompts.size() > 1;
  const bool shared = std::exchange(had_company_, company) || company;
  if (prompts.empty()) return;
  const auto fitting = [&](int tokens) { return std::max(tokens - decoding, chunk_.least()); };
  const int budget =
      fitting(shared ? chunk_.tokens(Chunk::shared) : chunk_.tokens_alone(prompts[0]->left()));
  const int whole = std::max(budget, fitting(chunk_.tokens(Chunk::whole)));
  held_back_ = !held_back_ && prompts.size() > 1 && prompts[1]->left() <= whole &&
               prompts[0]->left() > budget - prompts[1]->left();
  if (held_back_) {
    plan.chunk = Chunk::whole;
    plan_whole(plan, prompts, whole);
  } else {
    plan.chunk = shared ? Chunk::shared : Chunk::alone;
    plan_shared(plan, prompts, budget);
  }
}

/// The short prompts, without the oldest.
void Scheduler::plan_whole(Plan& plan, const std::vector<SequencePtr>& prompts, int budget) {
  for (size_t i = 1; i < prompts.size(); ++i) {
    const int length = prompts[i]->left();
    if (plan.prompt_tokens + length > budget) break;
    plan_row(plan, prompts[i], length);
  }
  plan.measures = plan.prompt_tokens >= chunk_.least();
}

void Scheduler::plan_shared(Plan& plan, const std::vector<SequencePtr>& prompts, int budget) {
  const SequencePtr& oldest = prompts.front();
  int for_others = budget - std::min(oldest->left(), (budget + 1) / 2);
  int taken = 0;
  for (size_t i = 1; i < prompts.size() && for_others > 0; ++i) {
    const int length = std::min(prompts[i]->left(), for_others);
    plan_row(plan, prompts[i], length);
    for_others -= length;
    taken += length;
  }
  const int share = taken == 0 ? budget : std::max(taken, chunk_.least());
  plan_row(plan, oldest, std::min({oldest->left(), share, budget - taken}));
  plan.measures = plan.prompt_tokens == budget;
}

/// The prompts whose turn it is: the oldest, then the others of its priority, shortest first.
std::vector<SequencePtr> Scheduler::prompts_in_order() const {
  std::vector<SequencePtr> prompts;
  std::copy_if(started_.begin(), started_.end(), std::back_inserter(prompts),
               [](const SequencePtr& s) { return s->state == Sequence::State::prefill; });
  if (prompts.empty()) return prompts;
  std::iter_swap(prompts.begin(), std::min_element(prompts.begin(), prompts.end(), is_older));
  const Priority priority = prompts.front()->request.priority;
  std::erase_if(prompts, [&](const SequencePtr& s) { return s->request.priority != priority; });
  std::sort(prompts.begin() + 1, prompts.end(), is_shorter);
  return prompts;
}

void Scheduler::observe(const Plan& plan, double seconds) {
  if (plan.measures && !plan.scores_prompts()) {
    chunk_.observe(plan.chunk, plan.prompt_tokens, seconds);
  }
}

Scheduler::Accepted Scheduler::accept(Sequence& sequence, Token token) {
  sequence.suspect = false;
  if (sequence.history) sequence.history->add(token);
  if (contains(sequence.request.stop_tokens, token)) {
    remove(sequence.id());
    return {false, Finish::stop};
  }
  sequence.generated.push_back(token);
  sequence.planned = std::max(sequence.planned, static_cast<int>(sequence.generated.size()));
  if (static_cast<int>(sequence.generated.size()) < sequence.request.max_tokens) {
    return {true, std::nullopt};
  }
  remove(sequence.id());
  return {true, Finish::length};
}

void Scheduler::preempt(const SequencePtr& sequence) {
  take_out(started_, sequence->id());
  sequence->state = Sequence::State::waiting;
  sequence->computed = 0;
  sequence->settled = 0;
  sequence->planned = static_cast<int>(sequence->generated.size());
  ++sequence->attempt;
  enqueue(sequence);
}

void Scheduler::isolate(const SequencePtr& sequence) {
  preempt(sequence);
  sequence->suspect = true;
}

SequencePtr Scheduler::remove(RequestId id) {
  SequencePtr sequence = take_out(started_, id);
  if (!sequence) sequence = take_out(waiting_, id);
  if (sequence) sequence->state = Sequence::State::done;
  return sequence;
}

std::vector<SequencePtr> Scheduler::remove_all() {
  std::vector<SequencePtr> all = std::exchange(started_, {});
  all.insert(all.end(), waiting_.begin(), waiting_.end());
  waiting_.clear();
  std::sort(all.begin(), all.end(),
            [](const SequencePtr& a, const SequencePtr& b) { return a->arrival < b->arrival; });
  for (const SequencePtr& sequence : all) sequence->state = Sequence::State::done;
  return all;
}

int Scheduler::running() const {
  return static_cast<int>(std::count_if(started_.begin(), started_.end(), [](const SequencePtr& s) {
    return s->state == Sequence::State::decode;
  }));
}

}  // namespace mlxd
