#pragma once
// Every rule that can decide something in a session, by a stable id: the lines of the profile and
// the defaults that no line of it grants. Event 0 lists them; every denial names one.

#include <string>
#include <string_view>
#include <vector>

#include "profiles/model/profile.h"

namespace carrel::decide {

/// Ids of the defaults: what is refused because no table of the profile grants it.
inline constexpr std::string_view kNetworkRule = "default:network";
inline constexpr std::string_view kForwardRule = "default:forward";
inline constexpr std::string_view kHostFilesRule = "default:host-files";
inline constexpr std::string_view kSyscallRule = "default:syscall";

/// One rule. Ids: "repository.NAME" (whatever of it is not exposed), "repository.NAME.read.PATH",
/// ".write.PATH", ".never.PATH", ".enforce", ".submit", "interface.NAME", "network.HOST",
/// "forward.PORT", "credential.NAME", "session.KEY", "limits.KEY", "toolchain.root", "default:…".
struct DecideRule {
  std::string id;
  std::string
      words;  // one sentence; for what is not granted it names the table that could grant it
  model::SourceLine where;  // line 0 for a default or when lines are not known
  bool operator==(const DecideRule&) const = default;
};

/// All rules of a profile, the profile's lines first, then the defaults. Ids are unique. The same
/// profile without source lines gives the same ids and words without places. Pure.
std::vector<DecideRule> rules_of(const model::Profile& profile);

}  // namespace carrel::decide
