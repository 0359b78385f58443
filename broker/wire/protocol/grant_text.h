#pragma once
// A request for more than the profile, as the one who decides is shown it: what is approved is
// exactly this text, by its digest. Session and broker each make it of the same values. Pure.

#include <cstddef>
#include <cstdint>
#include <string>

#include "broker/wire/protocol/messages.pb.h"
#include "profiles/base/result.h"

namespace carrel::protocol {

inline constexpr size_t kMaxGrantReason = 1024;  // bytes

/// Whether it asks for a credential of the profile; else for a port of a host.
inline bool is_for_credential(const GrantRequest& request) {
  return !request.credential().empty();
}

/// Lines "key: value", each with its line feed, in a fixed order; everything that somebody wrote is
/// made safe to show. Two requests with the same text grant the same.
std::string grant_text(const std::string& session, const std::string& person,
                       const std::string& task, const GrantRequest& request);

/// EPROTO for what no session asks for: another id, host, port, mode, credential, reason than may
/// be, or something of both.
Status check_grant_request(const GrantRequest& request);

}  // namespace carrel::protocol
