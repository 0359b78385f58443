#pragma once
// Compiles the table of system calls to a classic BPF program for seccomp(2). Loading it is another
// file's job; compiling needs no privilege and changes nothing in this process.

#include <linux/filter.h>

#include <utility>
#include <vector>

#include "launcher/box/plan/plan.h"
#include "launcher/box/plan/seccomp_table.h"
#include "profiles/base/result.h"

namespace carrel::kernel {

/// The program, which answers as plan::evaluate does for every input. Libseccomp arranges the rows
/// as a binary tree; in front of it stand the checks of architecture (any other: the process is
/// killed), of the x32 bit and of numbers without a row (ENOSYS). Fails only where libseccomp
/// refuses a row.
/// With Listener::kAsked the kernel asks the program's listener (seccomp_unotify(2)) about allowed
/// calls of plan::notified_calls and about every refusal that is an event; the listener answers
/// those as the table does.
/// Takes milliseconds: a launcher compiles once, with SeccompPrograms.
/// With Listener::kConnections it is asked about connect(2) alone, and refusals are not reported.
enum class Listener { kNone, kAsked, kConnections };
Result<std::vector<sock_filter>> compile_seccomp(const plan::Table& table,
                                                 Listener listener = Listener::kNone);

/// The programs of all tables, compiled when a launcher starts.
class SeccompPrograms {
 public:
  /// `listener` is of the contractor's program; where that has one, so has an ssh server's.
  static Result<SeccompPrograms> compile(Listener listener = Listener::kNone);
  [[nodiscard]] const std::vector<sock_filter>& program(plan::SeccompProgram which) const {
    if (which == plan::SeccompProgram::kSshd) return sshd_;
    return which == plan::SeccompProgram::kSlicer ? slicer_ : contractor_;
  }

 private:
  SeccompPrograms(std::vector<sock_filter> contractor, std::vector<sock_filter> slicer,
                  std::vector<sock_filter> sshd)
      : contractor_(std::move(contractor)), slicer_(std::move(slicer)), sshd_(std::move(sshd)) {}
  std::vector<sock_filter> contractor_;
  std::vector<sock_filter> slicer_;
  std::vector<sock_filter> sshd_;
};

}  // namespace carrel::kernel
