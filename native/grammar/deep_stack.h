// Work whose recursion goes as deep as what users send, on a thread with a stack for that.
#pragma once

#include <functional>

namespace mlxd {

/// Runs `work` on a thread of its own and waits for its end. Throws what it throws, and
/// std::system_error where there can be no such thread.
void on_deep_stack(const std::function<void()>& work);

}  // namespace mlxd
