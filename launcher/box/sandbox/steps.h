#pragma once
// The steps of the child between clone and exec, by name: what fails is told as {step, object,
// errno}.

#include <cstdint>

namespace carrel::sandbox {

enum class Step : int32_t {
  kWaitForMaps = 1,
  kBecomeInit,
  kPrivateMounts,
  kAttachRoot,
  kEnterRoot,
  kMount,
  kMakeReadOnly,
  kOpenTerminal,
  kSendTerminal,
  kPivot,
  kDetachOldRoot,
  kHostname,
  kKeyring,
  kCapabilities,
  kDescriptors,
  kExecInit,
};

/// "pivot_root" and so on, for messages.
const char* step_name(Step step);

/// What the child writes to its pipe; `object` is the index of the mount for kMount and
/// kMakeReadOnly.
struct Failure {
  Step step;
  int32_t object;
  int32_t number;  // errno
};

}  // namespace carrel::sandbox
