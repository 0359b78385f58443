#pragma once
// The checks of a request to open, and what it turns into. Pure.

#include <string>
#include <utility>

#include "broker/service/monitor/monitor.h"
#include "broker/service/monitor/tickets.h"
#include "broker/wire/protocol/messages.pb.h"
#include "profiles/base/result.h"

namespace carrel::monitor {

/// Reads the profile's source again and compares: what the caller parsed must be what we parse.
/// Bounds: source 1 MiB, path 4 KiB, 4,096 arguments of 1 MiB in all, without NUL. Credentials that
/// no broker could issue (credentials::check_grant()), and those that this one cannot
/// (Issuer::check()), are refused.
Result<ReadProfile> check_open_request(const protocol::OpenRequest& request,
                                       const ProfileReader& read_profile,
                                       const credentials::Issuer& issuer);

/// Words of a command, within those bounds.
Status check_command(const google::protobuf::RepeatedPtrField<std::string>& command);

/// `ids`: of the session and of its workspace.
Granted make_granted(const protocol::OpenRequest& request, const ReadProfile& read,
                     const std::string& task, const std::string& person,
                     const std::pair<std::string, std::string>& ids);

}  // namespace carrel::monitor
