#pragma once
// What a stopped caller's arguments point to, by process_vm_readv(2), which asks for the right to
// trace and for nothing else (the file /proc/PID/mem belongs to root where a process may not be
// dumped). The bytes are the contractor's, and may change behind our back: they are copied once and
// never looked at again.

#include <sys/types.h>

#include <cstdint>
#include <string>

namespace carrel::notify {

/// What came of a read: bytes, or the errno with which the call is to be answered. A call whose
/// argument was not read is never let through.
struct Copied {
  std::string bytes;
  int error = 0;
};

class Memory {
 public:
  /// Of a thread that waits for its answer: what is read counts only while it still does.
  explicit Memory(pid_t tid) : tid_(tid) {}

  /// 0, or why nothing of it can be read: EPERM for a program that its user may not read.
  [[nodiscard]] int trouble() const;

  /// A path: at most PATH_MAX bytes with its NUL, which is not copied. EFAULT where it cannot be
  /// read, ENAMETOOLONG where it does not end, as the kernel would say.
  [[nodiscard]] Copied text(uint64_t address) const;
  /// Exactly `size` bytes, else EFAULT.
  [[nodiscard]] Copied exactly(uint64_t address, size_t size) const;

  struct Arguments {
    std::string bytes;   // each with its NUL, at most `kept` of them
    uint64_t total = 0;  // bytes that there were; at most kMostArgumentBytes are looked at
    int error = 0;       // E2BIG where there are more
  };
  static constexpr uint64_t kMostArgumentBytes = uint64_t{2} << 20;
  /// The strings of a NULL-terminated array of pointers. A null array is an empty one.
  [[nodiscard]] Arguments arguments(uint64_t address, size_t kept) const;

 private:
  [[nodiscard]] size_t read(uint64_t address, char* to, size_t size) const;
  [[nodiscard]] Copied text_up_to(uint64_t address, size_t most, int too_long) const;
  pid_t tid_;
};

}  // namespace carrel::notify
