#pragma once
// What an ordinary user can do in namespaces of their own, tried in a child that ends.

#include "launcher/box/plan/host_facts.h"
#include "profiles/base/unique_fd.h"

namespace carrel::probe {

/// A new tmpfs that is attached nowhere; invalid with errno where there can be none.
UniqueFd detached_tmpfs();
/// 0 when a detached tmpfs can be made and its attributes changed, else errno. Needs CAP_SYS_ADMIN.
int try_mounts();

/// In a child with a new user namespace that maps the caller's ids: new_mount_api and new_procfs,
/// with a note for what fails.
void probe_own_namespaces(plan::HostFacts& facts);

}  // namespace carrel::probe
