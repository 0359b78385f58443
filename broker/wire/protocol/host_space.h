#pragma once
// What the launcher tells the sessions of workspaces that write into images: whether the host's
// disk has room for what they write. Pure.

#include <cstdint>
#include <string>
#include <string_view>

#include "profiles/base/result.h"

namespace carrel::protocol {

/// The body of kHostSpace, from launcher to opening to session, while it runs: fixed, three numbers
/// of 64 bits, least significant byte first.
struct HostSpace {
  bool low = false;         // what writes must stand still
  uint64_t free_bytes = 0;  // left for what is written
  uint64_t mark_bytes = 0;  // how much must be left, or be left again
  bool operator==(const HostSpace&) const = default;
};

std::string format_host_space(const HostSpace& space);
/// EBADMSG for anything that format_host_space() does not write.
Result<HostSpace> parse_host_space(std::string_view body);

}  // namespace carrel::protocol
