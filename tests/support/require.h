#pragma once
// The only way a test may skip: a named feature that this kernel does not have. With
// CARREL_NO_SKIP=1 in the environment a skip is a failure.

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
