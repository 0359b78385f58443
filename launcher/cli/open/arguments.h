#pragma once
// The words of `carrel open` as values.

#include <cstdint>
#include <string>
#include <vector>

#include "profiles/base/result.h"

namespace carrel::open {

struct OpenArguments {
  bool help = false;
  std::string task;  // by name, or "" where a profile is given
  std::string profile;
  std::string accept_sha256;  // of the agreement's text; "": ask the person
  std::string state;
  int status_fd = -1;
  uint64_t timeout_s = 0;  // 0: none
  std::vector<std::string> command;
};

/// Parses them; an Error is a usage error (exit 120) in one sentence.
Result<OpenArguments> parse_arguments(const std::vector<std::string>& words);

struct AttachArguments {
  bool help = false;
  std::string session = "last";
  std::string state;
  int status_fd = -1;
  std::vector<std::string> command;
};
/// The same for `carrel attach`.
Result<AttachArguments> parse_attach_arguments(const std::vector<std::string>& words);
std::string attach_help_text();

/// The --status-fd of words that cannot be parsed, for the end line; -1 where there is none.
int status_fd_of(const std::vector<std::string>& words);

/// The text of `carrel open --help`.
std::string help_text();

}  // namespace carrel::open
