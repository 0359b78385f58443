#pragma once
// The only ways a test may skip: a named feature that this kernel does not have, and a guarantee
// (docs/assurance.md) that an ordinary user is not given. With CARREL_NO_SKIP=1 in the environment
// the first is a failure.

#include <gtest/gtest.h>

#include <cstdlib>

/// REQUIRE_FEATURE("landlock", confine::landlock_abi() > 0);
#define REQUIRE_FEATURE(name, condition)                                     \
  do {                                                                       \
    if (!(condition)) {                                                      \
      if (getenv("CARREL_NO_SKIP") != nullptr) FAIL() << "missing " << name; \
      GTEST_SKIP() << "SKIP kernel-feature=" << name;                        \
    }                                                                        \
  } while (false)

/// REQUIRE_GUARANTEE("limits", host().root, "without a control group memory has no ceiling");
#define REQUIRE_GUARANTEE(name, condition, why)                                 \
  do {                                                                          \
    if (!(condition)) GTEST_SKIP() << "SKIP guarantee=" << name << ": " << why; \
  } while (false)
