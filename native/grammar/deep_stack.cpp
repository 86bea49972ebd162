#include "grammar/deep_stack.h"

#include <pthread.h>

#include <exception>
#include <system_error>

namespace mlxd {
namespace {

// Address space: memory is taken only as far as the recursion goes. 8 MB were too little for a
// chain of a thousand schemas, and a request has room for some thousands.
constexpr size_t kStackBytes = size_t{1} << 30;

struct Work {
  const std::function<void()>& run;
  std::exception_ptr thrown = nullptr;
};

void* run(void* data) {
  Work& work = *static_cast<Work*>(data);
  try {
    work.run();
  } catch (...) {
    work.thrown = std::current_exception();
  }
  return nullptr;
}

}  // namespace

void on_deep_stack(const std::function<void()>& work) {
  Work here{work};
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, kStackBytes);
  pthread_t thread;
  const int problem = pthread_create(&thread, &attributes, run, &here);
  pthread_attr_destroy(&attributes);
  if (problem != 0) throw std::system_error(problem, std::generic_category(), "no thread");
  pthread_join(thread, nullptr);
  if (here.thrown) std::rethrow_exception(here.thrown);
}

}  // namespace mlxd
