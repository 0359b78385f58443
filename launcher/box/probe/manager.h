#pragma once
// What a user's service manager says of the control group that this process is in.

#include <sys/types.h>

#include <string>
#include <string_view>

namespace carrel::probe {

/// The unit of `uid`'s service manager that a group belongs to: "a.scope" of
/// "/user.slice/user-7.slice/user@7.service/app.slice/a.scope"; "" for any other group. Pure.
std::string unit_of_group(std::string_view group, uid_t uid);

/// Whether that manager handed the caller's own group on (systemd.resource-control(5), Delegate=):
/// systemctl(1) is asked, where nothing else can tell, for at most two seconds. In the host's
/// namespaces: the manager knows its user by uid. One thread.
bool manager_delegates();

}  // namespace carrel::probe
