#pragma once
// The lines of ssh_config(5) for one task. Pure: text in, text out.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "profiles/base/result.h"

namespace carrel::ssh_cli {

/// "carrel-fix": the name by which ssh knows the session of task fix, as it is the folder's name
/// where its keys are and the server's name in known_hosts.
std::string alias_of(std::string_view name);

/// Where ssh finds what.
struct ConfigPlaces {
  std::string carrel;                                            // the program's absolute path
  std::vector<std::pair<std::string, std::string>> environment;  // that it is to be run with
  std::string state;                                             // of --state, absolute; "": none
  std::string keys;  // absolute: the folder that has one for each alias
};

/// The block of a task, by a name of [a-z0-9-]. An Error where a path holds what ssh_config(5)
/// cannot say: control bytes or "${".
Result<std::string> config_block(const ConfigPlaces& places, std::string_view name);

/// The text as one word of sh(1) that no reader of ssh_config(5) changes, within double quotes or
/// without: it has neither a double quote nor a backslash, which OpenSSH's versions read each in
/// its own way. Percent signs are kept single.
std::string shell_word(std::string_view text);

/// A path as an argument of ssh_config(5): in double quotes, percent signs doubled.
std::string config_word(std::string_view path);

}  // namespace carrel::ssh_cli
