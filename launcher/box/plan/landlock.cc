#include "launcher/box/plan/landlock.h"

#include <array>
#include <string_view>

#include "launcher/box/plan/view.h"

namespace carrel::plan {
namespace {

// linux/landlock.h, whose Debian 12 edition ends at REFER.
constexpr uint64_t kExecute = 1 << 0;
constexpr uint64_t kWriteFile = 1 << 1;
constexpr uint64_t kReadFile = 1 << 2;
constexpr uint64_t kReadDir = 1 << 3;
constexpr uint64_t kMakeChar = 1 << 6;
constexpr uint64_t kMakeBlock = 1 << 11;
constexpr uint64_t kTruncate = 1 << 14;
constexpr uint64_t kIoctlDevice = 1 << 15;

constexpr uint64_t kScopeAbstractUnixSocket = 1 << 0;
constexpr uint64_t kScopeSignal = 1 << 1;

constexpr std::array<std::string_view, 16> kWords = {
    "execute",   "write-file", "read-file", "read-dir",    "remove-dir", "remove-file",
    "make-char", "make-dir",   "make-file", "make-socket", "make-pipe",  "make-block",
    "make-link", "refer",      "truncate",  "ioctl-device"};

}  // namespace

uint64_t landlock_known_rights(int abi) {
  if (abi < 2) return 0;
  if (abi < 3) return kTruncate - 1;
  if (abi < 5) return kIoctlDevice - 1;
  return (kIoctlDevice << 1) - 1;
}

LandlockPlan make_landlock(int abi, const std::vector<SandboxPath>& writable, bool has_terminals) {
  LandlockPlan plan;
  plan.handled_fs = landlock_known_rights(abi);
  if (plan.handled_fs == 0) return plan;
  if (abi >= 6) plan.scoped = kScopeAbstractUnixSocket | kScopeSignal;
  const uint64_t known = plan.handled_fs;
  const auto add = [&](const SandboxPath& path, uint64_t rights) {
    plan.rules.push_back({path, rights & known, TargetType::kFolder});
  };
  add(SandboxPath::root(), kExecute | kReadFile | kReadDir);
  add(inside("/dev"), kWriteFile | kTruncate | (has_terminals ? kIoctlDevice : 0));
  add(inside("/proc"), kWriteFile | kTruncate);
  for (const SandboxPath& path : writable) {
    add(path, ((kIoctlDevice << 1) - 1) & ~(kMakeChar | kMakeBlock | kIoctlDevice));
  }
  return plan;
}

std::string landlock_words(uint64_t rights) {
  std::string out;
  for (size_t bit = 0; bit < kWords.size(); ++bit) {
    if ((rights >> bit & 1) == 0) continue;
    if (!out.empty()) out += ',';
    out += kWords[bit];
  }
  return out.empty() ? "none" : out;
}

}  // namespace carrel::plan
