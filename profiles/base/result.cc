#include "profiles/base/result.h"

#include <string.h>

#include <cerrno>

namespace carrel {

std::string errno_name(int number) {
  const char* name = strerrorname_np(number);
  return name != nullptr ? name : "errno " + std::to_string(number);
}

std::string to_string(const Error& error) {
  if (error.sys_errno == 0) return error.what;
  const char* words = strerrordesc_np(error.sys_errno);
  return error.what + ": " + errno_name(error.sys_errno) +
         (words != nullptr ? " (" + std::string(words) + ")" : "");
}

Error errno_error(std::string what) {
  return Error{std::move(what), errno};
}

}  // namespace carrel
