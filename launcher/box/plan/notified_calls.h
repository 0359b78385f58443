#pragma once
// Which system calls a workspace's filter hands to its listener before they are carried out, and
// where their names stand: those that decide something. Never calls that C programs lose to a
// signal (close, wait, read, write, fork, exit), nor stat and its kin, which cost too much. x86-64.

#include <cstdint>
#include <span>

namespace carrel::plan {

enum class NotifiedKind : uint8_t { kOpen, kExec, kUnlink, kMake, kRename, kEnter, kConnect };

/// Argument numbers; kNoArgument where there is none: a folder is then the working directory, flags
/// are those that the call implies.
inline constexpr uint8_t kNoArgument = 7;
inline constexpr uint8_t kCreatFlags = 8;     // creat(2): O_CREAT|O_WRONLY|O_TRUNC
inline constexpr uint8_t kTruncateFlags = 9;  // truncate(2): as O_WRONLY|O_TRUNC
inline constexpr uint8_t kOpenHow = 10;       // openat2(2): argument 2 points to them

struct NotifiedCall {
  uint32_t number = 0;
  NotifiedKind kind = NotifiedKind::kOpen;
  uint8_t folder = kNoArgument;
  uint8_t name = kNoArgument;
  uint8_t folder2 = kNoArgument;  // of rename, link and symlink: the new name's
  uint8_t name2 = kNoArgument;
  uint8_t flags = kNoArgument;  // kOpen: O_*; kExec: AT_* (execveat)
};

/// By ascending number.
std::span<const NotifiedCall> notified_calls();
/// The entry of a number; nullptr where the listener is not asked.
const NotifiedCall* find_notified(uint32_t number);

}  // namespace carrel::plan
