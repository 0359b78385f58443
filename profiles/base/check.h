#pragma once
// CHECK aborts with the expression: for our own mistakes, never for what the world may do.

namespace carrel {

/// Prints "file:line: CHECK failed: expression" to stderr and aborts. Async-signal-safe.
[[noreturn]] void check_failed(const char* file, int line, const char* expression);

}  // namespace carrel

#define CHECK(condition)                                                      \
  do {                                                                        \
    if (!(condition)) ::carrel::check_failed(__FILE__, __LINE__, #condition); \
  } while (false)
