#include "launcher/box/storage/image.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "profiles/base/text.h"

namespace carrel::storage {
namespace {

constexpr uint64_t kBlock = 4096;
constexpr uint64_t kInodeBytes = 256;
constexpr uint64_t kMiB = uint64_t{1} << 20;

/// Room for what one session changes in a few seconds; more makes each mount dearer.
uint64_t journal_mib(const DiskSize& size) {
  return size.bytes < 256 * kMiB ? 4 : 16;
}

}  // namespace

uint64_t image_bytes(const DiskSize& size) {
  const uint64_t room = size.bytes + std::min(3 * size.bytes, uint64_t{1} << 40);
  // ext4 keeps 2 % or 16 MiB for its own book-keeping when full; bitmaps, group descriptors and
  // copies of the superblock take less than 1 %.
  const uint64_t kept = std::min(room / 50, 16 * kMiB) + room / 128;
  const uint64_t tables = (size.inodes + 256) * kInodeBytes + journal_mib(size) * kMiB;
  // One block of a group says which of its inodes are used: 8 x 4096 of them.
  const uint64_t groups = (size.inodes + kOwnInodes) / (8 * kBlock) + 1;
  const uint64_t bytes = std::max(room + kept + tables + kMiB, groups * 8 * kBlock * kBlock);
  return (bytes + kBlock - 1) / kBlock * kBlock;
}

Result<UniqueFd> make_image_file(int folder_fd, const std::string& name, uint64_t bytes) {
  UniqueFd file(
      openat(folder_fd, name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file.valid()) return errno_error("make the image " + quoted(name));
  if (ftruncate(file.get(), static_cast<off_t>(bytes)) != 0) {
    const Error error = errno_error("size the image " + quoted(name));
    (void)unlinkat(folder_fd, name.c_str(), 0);
    return error;
  }
  return file;
}

std::vector<std::string> format_arguments(const DiskSize& size, const std::string& path) {
  return {"-q", "-F",
          "-t", "ext4",
          "-b", "4096",
          "-m", "0",
          "-I", "256",
          "-N", std::to_string(size.inodes + kOwnInodes),
          "-O", "encrypt,^resize_inode",
          "-J", "size=" + std::to_string(journal_mib(size)),
          "-E", "lazy_itable_init=1,lazy_journal_init=1,nodiscard,root_owner=0:0",
          path};
}

Result<UniqueFd> open_image(int folder_fd, const std::string& name, int wait_ms) {
  UniqueFd image(openat(folder_fd, name.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC));
  if (!image.valid()) return errno_error("open the workspace's image " + quoted(name));
  struct stat what {};
  if (fstat(image.get(), &what) != 0) return errno_error("fstat the workspace's image");
  if (!S_ISREG(what.st_mode)) return Error{"the workspace's image is not a file", EINVAL};
  constexpr int kStepMs = 10;
  for (int waited = 0; flock(image.get(), LOCK_EX | LOCK_NB) != 0; waited += kStepMs) {
    if ((errno != EWOULDBLOCK && errno != EINTR) || waited >= wait_ms) {
      return Error{"the workspace's image is still in use by an earlier session", errno};
    }
    const timespec step{0, kStepMs * 1'000'000L};
    nanosleep(&step, nullptr);
  }
  return image;
}

}  // namespace carrel::storage
