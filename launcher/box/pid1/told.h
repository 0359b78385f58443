#pragma once
// What carrel-init is told: the plan in sealed memory, and packets of the session that ask for
// further commands. Both are checked whole before anything in them is used. No heap, no exceptions.

#include <cstddef>
#include <cstdint>

#include "launcher/box/init/init_plan.h"

namespace carrel::pid1 {

/// The plan's bytes, with every offset and string inside them.
struct Plan {
  const char* bytes = nullptr;
  const init::InitPlan* head = nullptr;
  char* arguments[init::kMaxStrings + 2] = {};
  char* environment[init::kMaxStrings + 2] = {};
};

/// Maps it (init::kPlanFd). False, with errno, for a plan that is not whole.
bool read_plan(Plan* plan);
/// The text at an offset of the plan that read_plan() took; nullptr where there is none.
const char* string_at(const Plan& plan, uint32_t offset);

/// One packet from the session, checked. The strings point into `bytes`.
struct Wanted {
  alignas(init::Spawn) char bytes[init::kMaxSpawnBytes] = {};
  const init::Spawn* head = nullptr;
  int fds[3] = {-1, -1, -1};
  int fd_count = 0;
  char* arguments[init::kMaxStrings + 2] = {};
  char* environment[init::kMaxStrings + 2] = {};
};

/// Arguments and environment inside the `size` bytes that were received, and the descriptors that
/// belong to them. False for a packet that is not whole.
bool read_wanted(const Plan& plan, size_t size, Wanted* wanted);

}  // namespace carrel::pid1
