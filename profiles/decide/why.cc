#include "profiles/decide/why.h"

#include <cerrno>

namespace carrel::decide {
namespace {

Decision foresee_one(const Policy& policy, FileAttempt attempt, int refusal) {
  attempt.error = refusal;
  const Decision refused = decide_file(policy, attempt);
  if (refused.verdict == Verdict::kDenied) return refused;
  attempt.error = 0;
  const Decision done = decide_file(policy, attempt);
  if (done.verdict == Verdict::kAllowed) return done;
  return {Verdict::kObserved, ""};
}

}  // namespace

Foresight foresee(const Policy& policy, std::string_view path, const MadePaths& made) {
  FileAttempt attempt{.operation = Operation::kOpenRead, .path = path, .other = "", .made = &made};
  Foresight seen;
  seen.read = foresee_one(policy, attempt, ENOENT);
  attempt.operation = Operation::kOpenWrite;
  seen.change = foresee_one(policy, attempt, EROFS);
  return seen;
}

}  // namespace carrel::decide
