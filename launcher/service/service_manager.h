#pragma once
// What a service tells the service manager that started it (sd_notify(3)), without its library.

#include <string>
#include <string_view>

#include "profiles/base/result.h"

namespace carrel::service {

/// $NOTIFY_SOCKET, taken out of the environment; "" where nobody waits to be told. One thread.
std::string take_manager_address();

/// Sends one datagram such as "READY=1" to the manager's socket: a path, or "@" and an abstract
/// name. Nothing happens for an empty address.
Status tell_manager(const std::string& address, std::string_view text);

}  // namespace carrel::service
