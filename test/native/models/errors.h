// What a call throws, as text: tests check that a message says what it must.
#pragma once

#include <exception>
#include <string>

namespace mlxd::test {

template <class Call>
std::string error_of(Call call) {
  try {
    call();
  } catch (const std::exception& error) {
    return error.what();
  }
  return "(no error)";
}

inline bool says(const std::string& message, const std::string& part) {
  return message.find(part) != std::string::npos;
}

}  // namespace mlxd::test
