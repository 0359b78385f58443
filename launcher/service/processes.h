#pragma once
// Carrel's own helper programs: started with an explicit list of descriptors and nothing else of
// the launcher's.

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "profiles/base/result.h"
#include "profiles/base/unique_fd.h"

namespace carrel::service {

struct ProgramStart {
  std::string program;                 // path; also argv[0]
  std::vector<std::string> arguments;  // after it
  std::vector<int> fds;                // borrowed; become 3, 4, … in the program
  uid_t uid = 0;                       // and gid, with no supplementary groups; 0: stays root
  uint64_t max_processes = 0;  // and threads, of this uid (RLIMIT_NPROC, setrlimit(2)); 0: no limit
};

/// fork and execve: 0-2 on /dev/null, a small fixed environment, a signal mask of nothing blocked.
/// Answers the child's pid; a program that cannot be executed exits 127. One thread.
Result<pid_t> start_program(const ProgramStart& start);

/// Waits at most `timeout_ms` for a child to end, then kills it. True when it ended by itself.
bool wait_or_kill(pid_t pid, int timeout_ms);

/// A process by descriptor (pidfd_open(2)): this or another one's child, not reaped yet.
Result<UniqueFd> process_fd(pid_t pid);

constexpr int kKilledMs = 10'000;  // until the kernel has taken a process away

/// By a descriptor of process_fd(): waits at most `timeout_ms` for it to end, kills it, and waits
/// at most `killed_ms` for that. It may be another one's child, who reaps it. False: it is there
/// still, held by the kernel (a disk that hangs, a debugger), and runs none of its own code any
/// more.
[[nodiscard]] bool end_process(const UniqueFd& process, int timeout_ms, int killed_ms = kKilledMs);

}  // namespace carrel::service
