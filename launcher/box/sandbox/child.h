#pragma once
// The recipe between clone and exec. No heap, no locks, no destructors with effects.

#include <cstdint>

#include "launcher/box/sandbox/mount_list.h"
#include "launcher/box/sandbox/steps.h"

namespace carrel::sandbox {

/// Everything the child needs, prepared by the parent; plain descriptors and C strings.
struct ChildPlan {
  const MountList* mounts = nullptr;
  const char* hostname = "";
  bool terminal = false;
  int maps_ready_fd = -1;    // one byte when the id maps are written
  int maps_written_fd = -1;  // the parent's end, closed first: its death must end the wait
  int failure_fd = -1;       // Failure records; close-on-exec
  int plan_fd = -1;
  int control_fd = -1;
  int gate_fd = -1;
  int program_fd = -1;
  int init_fd = -1;
  int sensor_fd = -1;
  uint32_t init_uid = 0;  // inside
  int stdin_fd = -1;
  int stdout_fd = -1;
  int stderr_fd = -1;
  int null_fd = -1;
};

/// Runs in the child of clone3. Ends in carrel-init or in _exit after telling {step, object,
/// errno}.
[[noreturn]] void run_child(const ChildPlan& plan);

}  // namespace carrel::sandbox
