#pragma once
// What one workspace may take of the host, and the ceilings of its control group that follow.

#include <cstdint>
#include <string>
#include <string_view>

#include "launcher/box/plan/host_facts.h"
#include "profiles/model/profile.h"

namespace carrel::plan {

/// Ceilings of the workspace's control group. 0: none is set, or the host has no controller for it.
struct Ceilings {
  uint64_t processes = 0;     // and threads, carrel-init among them
  uint64_t memory_bytes = 0;  // with what is swapped out
  uint64_t cpu_milli = 0;     // thousandths of one processor
  bool operator==(const Ceilings&) const = default;
};

using Limits = model::Limits;

/// Those of internal workspaces.
inline Limits default_limits() {
  return {};
}

/// What the group of a workspace with these limits gets on this host. Pure.
Ceilings ceilings_of(const CgroupFacts& facts, const Limits& limits);

/// An amount as people say it: "64 MiB" of memory, disk and tmpfs, "1.5" of cpu, else the number.
std::string amount_text(std::string_view limit, uint64_t value);

/// Everything but what is 0, as one line: "512 processes, 4 GiB of memory with swap, …".
std::string limits_text(const Limits& limits);

}  // namespace carrel::plan
