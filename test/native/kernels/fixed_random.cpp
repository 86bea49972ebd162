// MLX seeds its generator with the time: each test case begins with the same numbers, so that what
// fails fails again.
#include "doctest/doctest.h"
#include "mlx/mlx.h"

namespace {

struct FixedRandom : doctest::IReporter {
  explicit FixedRandom(const doctest::ContextOptions&) {}
  void test_case_start(const doctest::TestCaseData&) override { mlx::core::random::seed(1); }

  void report_query(const doctest::QueryData&) override {}
  void test_run_start() override {}
  void test_run_end(const doctest::TestRunStats&) override {}
  void test_case_reenter(const doctest::TestCaseData&) override {}
  void test_case_end(const doctest::CurrentTestCaseStats&) override {}
  void test_case_exception(const doctest::TestCaseException&) override {}
  void subcase_start(const doctest::SubcaseSignature&) override {}
  void subcase_end() override {}
  void log_assert(const doctest::AssertData&) override {}
  void log_message(const doctest::MessageData&) override {}
  void test_case_skipped(const doctest::TestCaseData&) override {}
};

}  // namespace

REGISTER_LISTENER("fixed_random", 1, FixedRandom);
