#pragma once
// What a ticket stands for comes from the broker, which has fewer rights than the launcher: names
// in it become names of folders and control groups that root makes and clears.

#include "broker/wire/protocol/messages.pb.h"
#include "profiles/base/result.h"

namespace carrel::service {

/// An Error unless session and workspace are ids, which hold no path.
Status check_spec(const protocol::SessionSpec& spec);

/// What a caller may say of their terminal: TERM and LANG become variables of the command.
Status check_request(const protocol::LaunchRequest& request);

}  // namespace carrel::service
