#include "launcher/watch/notify/memory.h"

#include <limits.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace carrel::notify {
namespace {

constexpr size_t kStep = 512;
constexpr size_t kLongestArgument = size_t{128} << 10;  // MAX_ARG_STRLEN (execve(2))

}  // namespace

/// How much of it could be read: a read stops at the first page that is not there.
size_t Memory::read(uint64_t address, char* to, size_t size) const {
  const iovec local{to, size};
  const iovec remote{reinterpret_cast<void*>(address), size};  // NOLINT: theirs
  const ssize_t got = process_vm_readv(tid_, &local, 1, &remote, 1, 0);
  return got > 0 ? static_cast<size_t>(got) : 0;
}

int Memory::trouble() const {
  // Their first page is never there: the right to look is asked for before.
  char byte = 0;
  const iovec local{&byte, 1};
  const iovec remote{nullptr, 1};
  if (process_vm_readv(tid_, &local, 1, &remote, 1, 0) >= 0 || errno == EFAULT) return 0;
  return errno;
}

Copied Memory::text_up_to(uint64_t address, size_t most, int too_long) const {
  Copied out;
  while (out.bytes.size() < most) {
    const size_t before = out.bytes.size();
    const size_t step = std::min(most - before, before == 0 ? kStep : size_t{4096});
    out.bytes.resize(before + step);
    const size_t got = read(address + before, out.bytes.data() + before, step);
    out.bytes.resize(before + got);
    const size_t end = out.bytes.find('\0', before);
    if (end != std::string::npos) {
      out.bytes.resize(end);
      return out;
    }
    if (got < step) return {"", EFAULT};
  }
  return {"", too_long};
}

Copied Memory::text(uint64_t address) const {
  return text_up_to(address, PATH_MAX, ENAMETOOLONG);
}

Copied Memory::exactly(uint64_t address, size_t size) const {
  Copied out{std::string(size, '\0'), 0};
  if (read(address, out.bytes.data(), size) != size) return {"", EFAULT};
  return out;
}

Memory::Arguments Memory::arguments(uint64_t address, size_t kept) const {
  Arguments out;
  if (address == 0) return out;
  for (uint64_t at = address; out.total <= kMostArgumentBytes; at += sizeof(uint64_t)) {
    uint64_t pointer = 0;
    if (read(at, reinterpret_cast<char*>(&pointer), sizeof pointer) != sizeof pointer) {
      out.error = EFAULT;
      return out;
    }
    if (pointer == 0) return out;
    const Copied one = text_up_to(pointer, kLongestArgument, E2BIG);
    if (one.error != 0) {
      out.error = one.error;
      return out;
    }
    // The pointer counts as the kernel counts it: an array of pointers to nothing has an end too.
    out.total += one.bytes.size() + 1;
    if (out.bytes.size() < kept) {
      out.bytes.append(one.bytes.c_str(), one.bytes.size() + 1);
      out.bytes.resize(std::min(out.bytes.size(), kept));
    }
  }
  out.error = E2BIG;
  return out;
}

}  // namespace carrel::notify
