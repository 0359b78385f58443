#include "profiles/base/check.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace carrel {

void check_failed(const char* file, int line, const char* expression) {
  char text[512];
  const int length =
      snprintf(text, sizeof text, "%s:%d: CHECK failed: %s\n", file, line, expression);
  if (length > 0) {
    const auto count =
        static_cast<size_t>(length) < sizeof text ? static_cast<size_t>(length) : sizeof text - 1;
    if (write(STDERR_FILENO, text, count) < 0) abort();
  }
  abort();
}

}  // namespace carrel
