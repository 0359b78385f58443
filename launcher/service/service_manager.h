#pragma once
// What a service tells the service manager that started it (sd_notify(3)), and what it was given by
// it, without its library.

#include <string>
#include <string_view>

#include "profiles/base/result.h"
#include "profiles/base/unique_fd.h"

namespace carrel::service {

/// $NOTIFY_SOCKET, taken out of the environment; "" where nobody waits to be told. One thread.
std::string take_manager_address();

/// Sends one datagram such as "READY=1" to the manager's socket: a path, or "@" and an abstract
/// name. Nothing happens for an empty address.
Status tell_manager(const std::string& address, std::string_view text);

/// $CREDENTIALS_DIRECTORY (systemd.exec(5)) as a folder; invalid where the unit has none. A folder
/// that is named and cannot be opened is an Error.
Result<UniqueFd> open_unit_credentials();

}  // namespace carrel::service
