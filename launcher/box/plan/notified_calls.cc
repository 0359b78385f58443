#include "launcher/box/plan/notified_calls.h"

#include <algorithm>
#include <array>

namespace carrel::plan {
namespace {

using K = NotifiedKind;
constexpr uint8_t kNo = kNoArgument;

constexpr std::array<NotifiedCall, 24> kCalls = {{
    {2, K::kOpen, kNo, 0, kNo, kNo, 1},                // open
    {42, K::kConnect, kNo, kNo, kNo, kNo, kNo},        // connect
    {59, K::kExec, kNo, 0, kNo, kNo, kNo},             // execve
    {76, K::kOpen, kNo, 0, kNo, kNo, kTruncateFlags},  // truncate
    {80, K::kEnter, kNo, 0, kNo, kNo, kNo},            // chdir
    {81, K::kEnter, 0, kNo, kNo, kNo, kNo},            // fchdir
    {82, K::kRename, kNo, 0, kNo, 1, kNo},             // rename
    {83, K::kMake, kNo, 0, kNo, kNo, kNo},             // mkdir
    {84, K::kUnlink, kNo, 0, kNo, kNo, kNo},           // rmdir
    {85, K::kOpen, kNo, 0, kNo, kNo, kCreatFlags},     // creat
    {86, K::kMake, kNo, 0, kNo, 1, kNo},               // link
    {87, K::kUnlink, kNo, 0, kNo, kNo, kNo},           // unlink
    {88, K::kMake, kNo, 0, kNo, 1, kNo},               // symlink
    {133, K::kMake, kNo, 0, kNo, kNo, kNo},            // mknod
    {257, K::kOpen, 0, 1, kNo, kNo, 2},                // openat
    {258, K::kMake, 0, 1, kNo, kNo, kNo},              // mkdirat
    {259, K::kMake, 0, 1, kNo, kNo, kNo},              // mknodat
    {263, K::kUnlink, 0, 1, kNo, kNo, kNo},            // unlinkat
    {264, K::kRename, 0, 1, 2, 3, kNo},                // renameat
    {265, K::kMake, 0, 1, 2, 3, kNo},                  // linkat
    {266, K::kMake, kNo, 0, 1, 2, kNo},                // symlinkat
    {316, K::kRename, 0, 1, 2, 3, kNo},                // renameat2
    {322, K::kExec, 0, 1, kNo, kNo, 4},                // execveat
    {437, K::kOpen, 0, 1, kNo, kNo, kOpenHow},         // openat2
}};

}  // namespace

std::span<const NotifiedCall> notified_calls() {
  return kCalls;
}

const NotifiedCall* find_notified(uint32_t number) {
  const auto calls = notified_calls();
  const auto at = std::lower_bound(
      calls.begin(), calls.end(), number,
      [](const NotifiedCall& call, uint32_t wanted) { return call.number < wanted; });
  return at != calls.end() && at->number == number ? &*at : nullptr;
}

}  // namespace carrel::plan
