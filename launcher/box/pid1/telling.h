#pragma once
// What carrel-init tells: records on its control socket, its own failures too.

#include <cstddef>

#include "launcher/box/init/init_plan.h"

namespace carrel::pid1 {

/// The channel that records of this process are about: 0 in init itself and for the main command.
void set_channel(int channel);
void tell(init::RecordType type, int a, int b = 0);
/// For one channel, from init itself.
void tell_of(int channel, init::RecordType type, int a, int b = 0);
/// The same with a descriptor.
bool tell_with_fd(init::RecordType type, int fd);
bool send_with_fd(int socket, const void* bytes, size_t size, int fd);
/// kSetupFailed with errno, and the end of this process.
[[noreturn]] void fail(init::PayloadStep step);

}  // namespace carrel::pid1
