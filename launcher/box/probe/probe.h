#pragma once
// Finds out what the host can do, by trying and opening; nothing host-wide is ever written.

#include "launcher/box/plan/host_facts.h"

namespace carrel::probe {

/// The facts, all but `sensor` (the caller knows, or tried, the back ends). Needs no privilege;
/// what only root may try is false for others. Forks a child for the namespace probe and waits for
/// it, so call it while single-threaded. Takes a few milliseconds. `delegated` is what
/// manager_delegates() said of an ordinary user.
plan::HostFacts probe_host(int state_fd = -1, bool delegated = false);

/// Whether the caller is root of the host itself, with its powers.
bool is_host_root();

}  // namespace carrel::probe
