#pragma once
// `carrel ssh-config` says to ssh how to come to a task's running session; `carrel connect` is what
// ssh then runs: once before it connects, for a certificate, and once as the connection itself.

#include <cstdio>
#include <string>
#include <vector>

namespace carrel::ssh_cli {

inline constexpr int kOk = 0;
inline constexpr int kUsage = 120;
inline constexpr int kNotGranted = 121;  // or nothing runs
inline constexpr int kBroken = 123;

struct Output {
  std::FILE* out;
  std::FILE* err;
};

/// Runs one verb, its name first; the exit code is one of the above.
int run_ssh(const std::vector<std::string>& words, Output output);

}  // namespace carrel::ssh_cli
