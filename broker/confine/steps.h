#pragma once
// The two steps of confine_self() that have files of their own.

#include <cstdint>
#include <string>
#include <vector>

#include "broker/confine/confine.h"
#include "profiles/base/result.h"

namespace carrel::confine::internal {

/// landlock_restrict_self(2) with these rules, of the network all but what `tcp_connect` and
/// `tcp_ports` leave. Needs no_new_privs.
Status restrict_paths(const std::vector<PathRule>& rules, bool tcp_connect,
                      const std::vector<uint16_t>& tcp_ports);

/// seccomp(2) with SECCOMP_FILTER_FLAG_TSYNC. Needs no_new_privs.
Status restrict_calls(const std::vector<std::string>& names);

}  // namespace carrel::confine::internal
