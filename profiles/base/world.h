#pragma once
// The clock and the source of randomness that a component is given, so that tests give their own.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "profiles/base/result.h"

namespace carrel {

/// What of the outside world a decision depends on. Both are always set.
struct World {
  /// Nanoseconds since 1970 UTC.
  std::function<uint64_t()> now_ns;
  /// So many unpredictable bytes.
  std::function<Result<std::string>(size_t)> random;
};

}  // namespace carrel
