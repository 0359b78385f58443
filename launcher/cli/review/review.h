#pragma once
// `carrel sessions | show | events | replay | diff | verify`: asks the broker for what a verb
// needs, then reads the record itself.

#include <string>
#include <vector>

#include "launcher/cli/review/verbs.h"

namespace carrel::review {

/// Runs `words[0]` with the words after it. Returns the exit code of interfaces.md 1. One thread.
int run_review(const std::vector<std::string>& words, Output output);

}  // namespace carrel::review
