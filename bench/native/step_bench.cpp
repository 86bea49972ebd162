// Where a decode step's time goes: in our kernels, and in all else: MLX's graph, its dispatch and
// its own operations, and the engine. The loop is the engine's, without JavaScript.
// Usage: step_bench MODEL_FOLDER [--batch N] [--context N] [--steps N] [--threads N]
// [--precision NAME] [--kernels NAME] [--kv-bits N] [--penalties 0|1]
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "engine/core/mailbox.h"
#include "engine/device.h"
#include "engine/runner.h"
#include "kernels/settings.h"
#include "kernels/work.h"
#include "mlx/primitives.h"
#include "models/load.h"

using namespace mlxd;
using Clock = std::chrono::steady_clock;

namespace {

struct Options {
  std::string model;
  int batch = 1;
  int context = 128;
  int steps = 64;
  int threads = 0;
  kernels::Precision precision = kernels::Precision::balanced;
  kernels::KernelChoice kernels = kernels::KernelChoice::automatic;
  int kv_bits = 16;
  bool penalties = false;
};

struct Times {
  double build = 0, launch = 0, wait = 0, wall = 0;  // seconds, of the engine thread
  double graph = 0;                                  // of `build`: the model's own operations
  double events = 0;                                 // tokens taken, published and drained
  std::chrono::nanoseconds ours{0};                  // of the stream's
  uint64_t operations = 0;                           // of ours
};

/// Nodes of the graph that are still to be computed for `x`, by the name of their operation.
std::map<std::string, int> count_nodes(const mx::array& x) {
  std::map<std::string, int> counts;
  std::unordered_set<const mx::Primitive*> seen;
  std::vector<mx::array> open{x};
  while (!open.empty()) {
    const mx::array next = std::move(open.back());
    open.pop_back();
    if (!next.has_primitive() || next.status() != mx::array::Status::unscheduled) continue;
    if (!seen.insert(&next.primitive()).second) continue;
    ++counts[next.primitive().name()];
    open.insert(open.end(), next.inputs().begin(), next.inputs().end());
  }
  return counts;
}

/// Adds the seconds of `work` to `sum`.
template <class Work>
auto timed(double& sum, const Work& work) {
  struct Timer {
    double& sum;
    Clock::time_point start = Clock::now();
    ~Timer() { sum += std::chrono::duration<double>(Clock::now() - start).count(); }
  } timer{sum};
  return work();
}

/// A model that says how long it takes to build its part of the graph.
class TimedModel final : public Model {
 public:
  TimedModel(const Model& model, double& seconds) : model_(model), seconds_(seconds) {}

  mx::array forward(const Step& step) const override {
    return timed(seconds_, [&] { return model_.forward(step); });
  }
  mx::array logits(const mx::array& hidden) const override {
    return timed(seconds_, [&] { return model_.logits(hidden); });
  }
  SequenceCache make_cache() const override { return model_.make_cache(); }

 private:
  const Model& model_;
  double& seconds_;
};

class Bench {
 public:
  Bench(const Model& model, const Config& config, const Options& options)
      : scheduler_({config.max_position_embeddings, config.vocab_size, options.batch, 512},
                   [this](Sequence& sequence) {
                     runner_.begin(sequence, std::nullopt);
                     return Start::now;
                   }),
        model_(model, times_.graph),
        runner_(model_) {
    for (int i = 0; i < options.batch; ++i) {
      SamplingParams sampling{.temperature = 0};
      if (options.penalties) sampling.presence_penalty = 0.1f;
      Request request{static_cast<RequestId>(i + 1), {}, sampling, 1 << 20, {}};
      for (int t = 0; t < options.context; ++t) {
        request.tokens.push_back((t * 7919 + i * 13) % config.vocab_size);
      }
      if (auto failure = scheduler_.add(std::move(request)))
        throw std::runtime_error(failure->message);
    }
    while (scheduler_.waiting() > 0) step();
    for (int i = 0; i < 8; ++i) step();  // until chunks in flight are read, and all is warm
  }

  ~Bench() { finish(std::exchange(in_flight_, {})); }

  Times run(int steps) {
    times_ = {};
    const auto before = kernels::work_done();
    timed(times_.wall, [&] {
      for (int i = 0; i < steps; ++i) step();
    });
    const auto after = kernels::work_done();
    times_.ours = after.time - before.time;
    times_.operations = after.operations - before.operations;
    return times_;
  }

  std::map<std::string, int> nodes() {
    const InFlight built = runner_.build(scheduler_.next(), in_flight_);
    return count_nodes(built.sampled->tokens);
  }

 private:
  void step() {
    if (!in_flight_.samples()) finish(std::exchange(in_flight_, {}));
    InFlight next =
        timed(times_.build, [&] { return runner_.build(scheduler_.next(), in_flight_); });
    timed(times_.launch, [&] { runner_.launch(next, in_flight_); });
    finish(std::exchange(in_flight_, std::move(next)));
  }

  void finish(InFlight step) {
    if (step.idle()) return;
    const auto sampled = timed(times_.wait, [&] { return runner_.collect(step); });
    timed(times_.events, [&] {
      EventBatch events;
      for (size_t i = 0; i < sampled.size(); ++i) {
        Sequence& sequence = *step.plan.rows[i].sequence;
        scheduler_.accept(sequence, sampled[i].token);
        events.add_sampled(sequence.id(), sampled[i]);
      }
      mailbox_.publish(std::move(events));
      mailbox_.drain();
    });
  }

  Scheduler scheduler_;
  Times times_;
  TimedModel model_;
  Runner runner_;
  InFlight in_flight_;
  Mailbox mailbox_{4096, [] {}};
};

void print(const Times& times, int steps) {
  const double ours = std::chrono::duration<double>(times.ours).count();
  const auto each = [&](double seconds) { return 1e6 * seconds / steps; };
  std::printf(
      "a step %8.1f us; in our kernels %8.1f us (%.1f operations); all else %.1f us, %.1f %%\n",
      each(times.wall), each(ours), double(times.operations) / steps, each(times.wall - ours),
      100 * (1 - ours / times.wall));
  std::printf("engine thread: builds the graph %.1f us, hands it to MLX %.1f us, waits %.1f us\n",
              each(times.build), each(times.launch), each(times.wait));
  std::printf(
      "the engine's own work: plan, inputs and sampler %.1f us, tokens and events %.1f us\n",
      each(times.build - times.graph), each(times.events));
}

Options parse(int argc, char** argv) {
  if (argc < 2) throw std::runtime_error("Usage: see the head of bench/native/step_bench.cpp");
  Options options{.model = argv[1]};
  for (int i = 2; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i], value = argv[i + 1];
    if (name == "--batch")
      options.batch = std::atoi(argv[i + 1]);
    else if (name == "--context")
      options.context = std::atoi(argv[i + 1]);
    else if (name == "--steps")
      options.steps = std::atoi(argv[i + 1]);
    else if (name == "--threads")
      options.threads = std::atoi(argv[i + 1]);
    else if (name == "--kernels" && value == "mlx")
      options.kernels = kernels::KernelChoice::mlx;
    else if (name == "--precision" && value == "exact")
      options.precision = kernels::Precision::exact;
    else if (name == "--precision" && value == "fast")
      options.precision = kernels::Precision::fast;
    else if (name == "--kv-bits")
      options.kv_bits = std::atoi(argv[i + 1]);
    else if (name == "--penalties")
      options.penalties = value == "1";
    else
      throw std::runtime_error("What is " + std::string(name) + " " + std::string(value) + "?");
  }
  return options;
}

void run(const Options& options) {
  prepare_thread(DeviceChoice::cpu);
  kernels::set_threads(options.threads);
  kernels::set_kernels(options.kernels);
  kernels::set_precision(options.precision);
  kernels::set_kv_bits(options.kv_bits);
  const LoadedModel loaded = load_model(options.model, nullptr);
  Bench bench(*loaded.model, loaded.config, options);
  for (int round = 0; round < 3; ++round) print(bench.run(options.steps), options.steps);
  int total = 0;
  std::string names;
  for (const auto& [name, count] : bench.nodes()) {
    total += count;
    names += " " + name + " " + std::to_string(count);
  }
  std::printf("nodes a step %d, of %d layers:%s\n", total, loaded.config.layers, names.c_str());
}

}  // namespace

int main(int argc, char** argv) {
  try {
    run(parse(argc, argv));
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "step_bench: %s\n", error.what());
    return 1;
  }
}
