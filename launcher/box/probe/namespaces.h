#pragma once
// Tries namespaces and the mount calls in a child that ends before the answer is given.

#include "launcher/box/plan/host_facts.h"

namespace carrel::probe {

/// Sets user_namespaces, network_namespaces, two_uids, new_mount_api, idmapped_mounts and their
/// notes. `state_fd`: see probe_host.
void probe_namespaces(int state_fd, plan::HostFacts& facts);

}  // namespace carrel::probe
