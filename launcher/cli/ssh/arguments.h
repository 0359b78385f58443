#pragma once
// The words of `carrel ssh-config` and `carrel connect` as values.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "profiles/base/result.h"

namespace carrel::ssh_cli {

enum class Verb { kSshConfig, kConnect };
/// What `connect` is to do: be the connection, or get what one needs.
enum class Way { kStdio, kPrepare };

struct SshArguments {
  Verb verb = Verb::kSshConfig;
  bool help = false;
  std::string state;               // --state, "" when not given
  std::vector<std::string> names;  // without "local/"; of connect exactly one
  Way way = Way::kStdio;
};

std::optional<Verb> verb_from(std::string_view word);
std::string_view verb_name(Verb verb);

/// Parses the words after the verb; an Error is a usage error in one sentence. Every name is of
/// a-z, 0-9 and -, at most 63 of them: a task's, or a session's.
Result<SshArguments> parse_arguments(Verb verb, const std::vector<std::string>& words);

/// Whether such a name may mean a session: "last", or 4 or more characters of an id.
bool may_be_session(std::string_view name);

/// The text of `carrel VERB --help`.
std::string help_text(Verb verb);

}  // namespace carrel::ssh_cli
