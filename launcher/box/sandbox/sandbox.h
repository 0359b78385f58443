#pragma once
// Carries a plan out as root: builds every mount detached, makes the child in its namespaces and
// cgroup, and has it become carrel-init. Decides nothing.

#include <sys/types.h>

#include <string>
#include <vector>

#include "launcher/box/kernel/cgroup.h"
#include "launcher/box/kernel/seccomp_filter.h"
#include "launcher/box/plan/plan.h"
#include "profiles/base/result.h"
#include "profiles/base/unique_fd.h"

namespace carrel::sandbox {

/// A writable tmpfs of the plan, made and not attached yet.
struct Scratch {
  std::string path;  // as seen inside
  UniqueFd mount;
};

/// What the launcher opened for a plan. Descriptors are borrowed unless they are UniqueFd.
struct Resources {
  int network_fd = -1;                         // the namespace to be born in
  const kernel::CgroupLeaf* cgroup = nullptr;  // null: none; its pid namespace then holds it alone
  std::vector<UniqueFd> sources;               // detached trees, in the order of plan.sources
  std::vector<Scratch> scratch;  // of make_scratch(); one that is not there is made by start()
  int idmap_fd = -1;             // user namespace: on-disk owner -> payload; -1: no step asks
  int control_fd = -1;           // carrel-init's end (SOCK_SEQPACKET)
  int gate_fd = -1;              // read end; one byte opens it, end of file shuts it
  int stdin_fd = -1;             // Terminal::kPipes: the payload's ends
  int stdout_fd = -1;
  int stderr_fd = -1;
  int init_fd = -1;     // carrel-init: load_init()
  int program_fd = -1;  // Program::kDescriptor
  int sensor_fd = -1;   // Watched::kByListener: a socket that takes the listener
  const kernel::SeccompPrograms* filters =
      nullptr;  // null: compiled here, which takes milliseconds
};

struct Running {
  pid_t pid = -1;  // carrel-init, as the host sees it
  UniqueFd pidfd;
};

/// carrel-init's bytes in a sealed memfd that can be executed but not read (execveat(2)).
Result<UniqueFd> load_init(const std::string& path);

/// Kills carrel-init and waits for its end, which the kernel does not tell before every process of
/// its pid namespace has ended (pid_namespaces(7)): the proof of emptiness where there is no
/// control group. The pid is the caller's to reap. ETIMEDOUT after `timeout_ms`.
Status end_by_init(const Running& running, int timeout_ms);

/// Makes the plan's writable tmpfs mounts ahead, for who wants to know how full they are.
Result<std::vector<Scratch>> make_scratch(const plan::SandboxPlan& plan);

/// Starts it. When this answers, carrel-init has been executed; that the payload waits at the gate
/// is said on the control socket. On failure nothing is left (cgroup or pid namespace are emptied)
/// and the Error names the step, the object and errno. Call with one thread.
Result<Running> start(const plan::SandboxPlan& plan, Resources& resources);

}  // namespace carrel::sandbox
