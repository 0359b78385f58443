#pragma once
// The verbs over running work. They ask the broker, which decides, and say what it answered.

#include <cstdio>
#include <string>
#include <vector>

namespace carrel::work {

/// Answers go to `out`, everything else to `err`.
struct Output {
  std::FILE* out = nullptr;
  std::FILE* err = nullptr;
};

/// Runs "list", "status", "close", "pause", "resume", "task" or "approvals" with their words;
/// returns an exit code of interfaces.md 1: 0 done, 1 usage or it did not come about, 2 not found
/// or denied.
int run_work(const std::vector<std::string>& words, Output output);

}  // namespace carrel::work
