#pragma once
// Where a launcher stands before it opens anything (take_stand() of launcher_main.cc): root in the
// host's namespaces, an ordinary user in namespaces of that user's own.

#include <unistd.h>

#include <utility>

#include "launcher/box/kernel/mount_namespace.h"
#include "launcher/box/kernel/network.h"
#include "launcher/box/kernel/own_user_namespace.h"
#include "profiles/base/check.h"

namespace carrel::support {

/// Once for the process and those that it forks; of root it changes nothing.
inline const kernel::MountNamespaces& take_stand() {
  static const kernel::MountNamespaces namespaces = [] {
    if (geteuid() == 0) return kernel::MountNamespaces();
    CHECK(kernel::enter_own_user_namespace_as_user().ok());
    auto left = kernel::leave_mount_namespace_for_good();
    CHECK(left.ok() && kernel::leave_network().ok());
    return left.take();
  }();
  return namespaces;
}

}  // namespace carrel::support
