#include "launcher/box/sandbox/sandbox.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "launcher/box/kernel/id_map.h"
#include "launcher/box/kernel/network.h"
#include "launcher/box/kernel/seccomp_filter.h"
#include "launcher/box/plan/seccomp_table.h"
#include "launcher/box/sandbox/child.h"
#include "launcher/box/sandbox/init_memory.h"
#include "launcher/box/sandbox/mount_list.h"
#include "launcher/box/sandbox/steps.h"

namespace carrel::sandbox {
namespace {

constexpr int kSetUpMs = 30'000;

struct Pipe {
  UniqueFd read_end;
  UniqueFd write_end;
};

Result<Pipe> make_pipe() {
  int ends[2] = {-1, -1};
  if (pipe2(ends, O_CLOEXEC) != 0) return errno_error("pipe");
  return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

struct Born {
  pid_t pid = -1;
  UniqueFd pidfd;
};

void end_child(const Resources& resources, pid_t pid) {
  kill(pid, SIGKILL);
  while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  // pid 1 takes its namespace with it; the proof is the caller's when it removes the cgroup.
  if (resources.cgroup != nullptr) (void)resources.cgroup->kill_all(5000).ok();
}

/// clone3(2) into the cgroup with every namespace of the plan. In the child never returns.
Result<Born> give_birth(const plan::SandboxPlan& plan, const Resources& resources,
                        const ChildPlan& child) {
  int pidfd = -1;
  clone_args arguments{};
  arguments.flags = static_cast<__u64>(plan.namespaces | CLONE_PIDFD | CLONE_CLEAR_SIGHAND);
  arguments.pidfd = reinterpret_cast<uint64_t>(&pidfd);
  arguments.exit_signal = SIGCHLD;
  if (resources.cgroup != nullptr) {
    arguments.flags |= static_cast<__u64>(CLONE_INTO_CGROUP);
    arguments.cgroup = static_cast<__u64>(resources.cgroup->fd());
  }
  ASSIGN_OR_RETURN(const UniqueFd home, kernel::current_network());
  RETURN_IF_ERROR(kernel::enter_network(resources.network_fd));
  const auto pid = static_cast<pid_t>(syscall(SYS_clone3, &arguments, sizeof arguments));
  if (pid == 0) run_child(child);
  const int number = errno;
  Status returned = kernel::enter_network(home.get());
  if (pid < 0) return Error{"clone3 with the workspace's namespaces", number};
  UniqueFd handle(pidfd);
  if (!returned.ok()) {
    end_child(resources, pid);
    return returned.take_error();
  }
  return Born{pid, std::move(handle)};
}

/// The plan for carrel-init, with its filter.
Result<std::string> flatten(const plan::SandboxPlan& plan, const Resources& resources) {
  if (resources.filters != nullptr) {
    return flatten_plan(plan, resources.filters->program(plan.seccomp));
  }
  const plan::Table& table = plan.seccomp == plan::SeccompProgram::kSlicer
                                 ? plan::slicer_table()
                                 : plan::contractor_table();
  const bool of_sshd = plan.seccomp == plan::SeccompProgram::kSshd;
  const auto asked = of_sshd ? kernel::Listener::kConnections : kernel::Listener::kAsked;
  const auto listener =
      plan.watched == plan::Watched::kByListener ? asked : kernel::Listener::kNone;
  ASSIGN_OR_RETURN(const std::vector<sock_filter> filter, kernel::compile_seccomp(table, listener));
  return flatten_plan(plan, filter);
}

/// Where a mount of the list stands, for a message.
std::string object_of(const MountList& mounts, const Failure& failure) {
  const auto index = static_cast<size_t>(failure.object);
  if (failure.step == Step::kMount && index < mounts.mounts.size()) {
    return " /" + mounts.mounts[index].target;
  }
  if (failure.step == Step::kMakeReadOnly && index < mounts.read_only.size()) {
    return " /" + mounts.read_only[index];
  }
  return "";
}

/// The pipe closes when carrel-init has been executed; anything on it is a failure.
Status wait_for_exec(int failure_fd, const MountList& mounts) {
  Failure failure{};
  ssize_t got = 0;
  pollfd wait{failure_fd, POLLIN, 0};
  if (poll(&wait, 1, kSetUpMs) == 0) {
    return Error{"the workspace was not set up within 30 s", ETIMEDOUT};
  }
  do {
    got = read(failure_fd, &failure, sizeof failure);
  } while (got < 0 && errno == EINTR);
  if (got == 0) return Done{};
  if (got != sizeof failure) return errno_error("read the workspace's set-up");
  return Error{std::string(step_name(failure.step)) + object_of(mounts, failure), failure.number};
}

}  // namespace

Status end_by_init(const Running& running, int timeout_ms) {
  if (running.pid <= 0) return Done{};
  if (syscall(SYS_pidfd_send_signal, running.pidfd.get(), SIGKILL, nullptr, 0) != 0 &&
      errno != ESRCH) {
    return errno_error("kill the workspace's first process");
  }
  pollfd wait{running.pidfd.get(), POLLIN, 0};
  const int ended = poll(&wait, 1, timeout_ms);
  if (ended < 0) return errno_error("wait for the workspace's end");
  if (ended == 0) return Error{"the workspace did not become empty", ETIMEDOUT};
  return Done{};
}

Result<Running> start(const plan::SandboxPlan& plan, Resources& resources) {
  ASSIGN_OR_RETURN(const std::string flat, flatten(plan, resources));
  ASSIGN_OR_RETURN(const UniqueFd plan_fd, seal_bytes("carrel-plan", flat));
  ASSIGN_OR_RETURN(const MountList mounts, prepare_mounts(plan, resources));
  ASSIGN_OR_RETURN(Pipe maps, make_pipe());
  ASSIGN_OR_RETURN(Pipe failures, make_pipe());
  const UniqueFd null_fd(open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null_fd.valid()) return errno_error("open /dev/null");
  ChildPlan child;
  child.mounts = &mounts;
  child.hostname = plan.hostname.c_str();
  child.terminal = plan.terminal == plan::Terminal::kPty;
  child.maps_ready_fd = maps.read_end.get();
  child.maps_written_fd = maps.write_end.get();
  child.failure_fd = failures.write_end.get();
  child.plan_fd = plan_fd.get();
  child.control_fd = resources.control_fd;
  child.gate_fd = resources.gate_fd;
  child.program_fd = plan.program == plan::Program::kDescriptor ? resources.program_fd : -1;
  child.init_fd = resources.init_fd;
  child.stdin_fd = resources.stdin_fd;
  child.stdout_fd = resources.stdout_fd;
  child.stderr_fd = resources.stderr_fd;
  child.null_fd = null_fd.get();
  child.sensor_fd = plan.watched == plan::Watched::kByListener ? resources.sensor_fd : -1;
  child.init_uid = plan.uids.init_inside();
  ASSIGN_OR_RETURN(Born born, give_birth(plan, resources, child));
  failures.write_end.reset();
  Status set_up =
      kernel::write_id_map(born.pid, {plan.uids.first_inside(), plan.uids.base, plan.uids.count()});
  if (set_up.ok() && resources.cgroup != nullptr) set_up = resources.cgroup->add_to_v1(born.pid);
  if (set_up.ok() && write(maps.write_end.get(), "m", 1) != 1) set_up = errno_error("start set-up");
  maps.write_end.reset();
  if (set_up.ok()) set_up = wait_for_exec(failures.read_end.get(), mounts);
  if (!set_up.ok()) {
    end_child(resources, born.pid);
    return set_up.take_error();
  }
  return Running{born.pid, std::move(born.pidfd)};
}

}  // namespace carrel::sandbox
