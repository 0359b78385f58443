#pragma once
// The words of `carrel task` as values.

#include <cstdint>
#include <string>
#include <vector>

#include "launcher/cli/work/arguments.h"
#include "profiles/base/result.h"

namespace carrel::work {

enum class TaskVerb { kCreate, kList, kShow, kEnd };

struct TaskArguments {
  TaskVerb verb = TaskVerb::kList;
  bool help = false;
  std::string state;
  std::string name;
  std::string profile;
  std::vector<std::string> people;  // as typed
  std::string until;                // RFC 3339, or ""
  uint64_t for_s = 0;               // 0: no end
  std::string reason;
  bool now = false;
  Shape shape = Shape::kText;
};

/// Parses the words after `task`; an Error is a usage error (exit 1) in one sentence.
Result<TaskArguments> parse_task_arguments(const std::vector<std::string>& words);

/// The text of `carrel task --help`.
std::string task_help_text();

/// Nanoseconds since 1970 of "2026-12-31T18:00:00Z" or "2026-12-31" (midnight UTC at its end).
Result<uint64_t> parse_moment(const std::string& text);

/// "local:1000" of itself, of the uid "1000" and of a user's name on this machine.
Result<std::string> person_of(const std::string& word);

}  // namespace carrel::work
