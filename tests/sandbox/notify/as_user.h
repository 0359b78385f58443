#pragma once
// As an ordinary user, whoever runs the test.

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <functional>

#include "profiles/base/check.h"
#include "tests/support/mode.h"

namespace carrel::notify {

/// Runs `body` in a process of its own and answers with its status; 0 where no expectation failed.
inline int run_as_user(const std::function<void()>& body) {
  fflush(nullptr);
  const pid_t pid = fork();
  if (pid == 0) {
    CHECK(geteuid() != 0 || support::become_user());
    body();
    fflush(nullptr);
    _exit(testing::Test::HasFailure() ? 1 : 0);
  }
  int status = 0;
  CHECK(waitpid(pid, &status, 0) == pid);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

}  // namespace carrel::notify
