#pragma once
// Loop devices (loop(4)): an image file as a block device. No device file is left behind: the
// device is given back when the last user of it is gone, also after a SIGKILL of the launcher.

#include <string>

#include "profiles/base/result.h"
#include "profiles/base/unique_fd.h"

namespace carrel::kernel {

/// A loop device that goes (LO_FLAGS_AUTOCLEAR) when neither `device` nor a mount of it is open.
struct LoopDevice {
  std::string path;  // "/dev/loopN"
  UniqueFd device;
};

/// Attaches the image behind `image_fd` (O_RDWR, a multiple of 4096 bytes) with direct I/O where
/// the image's file system has it (else buffered). The kernel keeps the very open file behind
/// `image_fd`: a lock that flock(2) put on it lasts as long as the device does. EBUSY when no
/// device can be had. Needs CAP_SYS_ADMIN.
Result<LoopDevice> attach_loop(int image_fd);

/// Whether the loop device ("/dev/loop7") is attached to the file behind `image_fd` and to no
/// other. An Error where it is no loop device, or is attached to nothing (ENXIO).
Result<bool> is_loop_of(const std::string& device_path, int image_fd);

}  // namespace carrel::kernel
