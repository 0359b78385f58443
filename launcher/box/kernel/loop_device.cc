#include "launcher/box/kernel/loop_device.h"

#include <fcntl.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <cerrno>

namespace carrel::kernel {
namespace {

constexpr uint32_t kBlock = 4096;
constexpr int kTries = 64;

/// loop(4), LOOP_CONFIGURE (Linux 5.8): file and all settings in one step, so that nobody ever sees
/// a device half set up.
int configure(int device_fd, int image_fd, uint32_t flags) {
  loop_config config{};
  config.fd = static_cast<__u32>(image_fd);
  config.block_size = kBlock;
  config.info.lo_flags = flags;
  return ioctl(device_fd, LOOP_CONFIGURE, &config);
}

}  // namespace

Result<LoopDevice> attach_loop(int image_fd) {
  const UniqueFd control(open("/dev/loop-control", O_RDWR | O_CLOEXEC));
  if (!control.valid()) return errno_error("open /dev/loop-control");
  for (int i = 0; i < kTries; ++i) {
    const int number = ioctl(control.get(), LOOP_CTL_GET_FREE);
    if (number < 0) return errno_error("ask for a free loop device");
    LoopDevice loop;
    loop.path = "/dev/loop" + std::to_string(number);
    loop.device.reset(open(loop.path.c_str(), O_RDWR | O_CLOEXEC));
    if (!loop.device.valid()) return errno_error("open " + loop.path);
    if (configure(loop.device.get(), image_fd, LO_FLAGS_AUTOCLEAR | LO_FLAGS_DIRECT_IO) == 0) {
      return loop;
    }
    if (errno == EINVAL && configure(loop.device.get(), image_fd, LO_FLAGS_AUTOCLEAR) == 0) {
      return loop;
    }
    // Somebody else took it in the meantime.
    if (errno != EBUSY) return errno_error("attach the image to " + loop.path);
  }
  return Error{"no loop device could be had: all were taken by others", EBUSY};
}

Result<bool> is_loop_of(const std::string& device_path, int image_fd) {
  const UniqueFd device(open(device_path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!device.valid()) return errno_error("open " + device_path);
  loop_info64 info{};
  if (ioctl(device.get(), LOOP_GET_STATUS64, &info) != 0) {
    return errno_error("ask " + device_path + " for its image");
  }
  struct stat image {};
  if (fstat(image_fd, &image) != 0) return errno_error("fstat the image");
  return info.lo_device == image.st_dev && info.lo_inode == image.st_ino;
}

}  // namespace carrel::kernel
