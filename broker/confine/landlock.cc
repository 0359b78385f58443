// Landlock by its system calls: the libc of Debian 12 has no wrappers, its headers know ABI 2.

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "broker/confine/steps.h"
#include "profiles/base/unique_fd.h"

namespace carrel::confine {
namespace {

// Bits of landlock(7), access_fs.
constexpr uint64_t kExecute = 1U << 0;
constexpr uint64_t kWriteFile = 1U << 1;
constexpr uint64_t kReadFile = 1U << 2;
constexpr uint64_t kReadDir = 1U << 3;
constexpr uint64_t kRemoveDir = 1U << 4;
constexpr uint64_t kRemoveFile = 1U << 5;
constexpr uint64_t kMakeDir = 1U << 7;
constexpr uint64_t kMakeReg = 1U << 8;
constexpr uint64_t kAllOfAbi1 = (1U << 13) - 1;
constexpr uint64_t kRefer = 1U << 13;     // ABI 2
constexpr uint64_t kTruncate = 1U << 14;  // ABI 3
constexpr uint64_t kIoctlDev = 1U << 15;  // ABI 5
// access_net (ABI 4) and scoped (ABI 6): all there is.
constexpr uint64_t kBindTcp = 1;
constexpr uint64_t kConnectTcp = 2;
constexpr uint64_t kAllOfNet = 3;
constexpr uint64_t kAllOfScoped = 3;

struct RulesetAttr {
  uint64_t handled_access_fs;
  uint64_t handled_access_net;
  uint64_t scoped;
};

struct __attribute__((packed)) PathBeneathAttr {
  uint64_t allowed_access;
  int32_t parent_fd;
};

struct NetPortAttr {
  uint64_t allowed_access;
  uint64_t port;
};

uint64_t handled_by(int abi) {
  uint64_t handled = kAllOfAbi1;
  if (abi >= 2) handled |= kRefer;
  if (abi >= 3) handled |= kTruncate;
  if (abi >= 5) handled |= kIoctlDev;
  return handled;
}

uint64_t bits_of(PathRights rights, bool directory) {
  uint64_t bits = kReadFile | (directory ? kReadDir : 0);
  if (rights == PathRights::kReadWrite) {
    bits |= kWriteFile | kTruncate;
    if (directory) bits |= kRemoveDir | kRemoveFile | kMakeDir | kMakeReg | kRefer;
  }
  return bits & ~kExecute;
}

Status allow_ports(int ruleset, const std::vector<uint16_t>& ports) {
  for (const uint16_t port : ports) {
    const NetPortAttr rule{kConnectTcp, port};
    constexpr int kNetPort = 2;
    if (syscall(SYS_landlock_add_rule, ruleset, kNetPort, &rule, 0) != 0) {
      return errno_error("add landlock rule of a port");
    }
  }
  return Done{};
}

}  // namespace

int landlock_abi() {
  constexpr unsigned kVersion = 1;
  const long abi = syscall(SYS_landlock_create_ruleset, nullptr, 0, kVersion);
  return abi < 0 ? 0 : static_cast<int>(abi);
}

Status internal::restrict_paths(const std::vector<PathRule>& rules, bool tcp_connect,
                                const std::vector<uint16_t>& tcp_ports) {
  const int abi = landlock_abi();
  const uint64_t handled = handled_by(abi);
  const uint64_t net = tcp_connect && tcp_ports.empty() ? kBindTcp : kAllOfNet;
  const RulesetAttr attr{handled, abi >= 4 ? net : 0, abi >= 6 ? kAllOfScoped : 0};
  const size_t size = abi >= 6 ? 24 : abi >= 4 ? 16 : 8;
  const UniqueFd ruleset(static_cast<int>(syscall(SYS_landlock_create_ruleset, &attr, size, 0)));
  if (!ruleset.valid()) return errno_error("create landlock ruleset");
  for (const PathRule& rule : rules) {
    struct stat status {};
    if (fstat(rule.fd, &status) != 0) return errno_error("landlock rule: fstat");
    const PathBeneathAttr beneath{bits_of(rule.rights, S_ISDIR(status.st_mode)) & handled, rule.fd};
    constexpr int kPathBeneath = 1;
    if (syscall(SYS_landlock_add_rule, ruleset.get(), kPathBeneath, &beneath, 0) != 0) {
      return errno_error("add landlock rule");
    }
  }
  if (tcp_connect && abi >= 4) RETURN_IF_ERROR(allow_ports(ruleset.get(), tcp_ports));
  if (syscall(SYS_landlock_restrict_self, ruleset.get(), 0) != 0) {
    return errno_error("landlock_restrict_self");
  }
  return Done{};
}

}  // namespace carrel::confine
