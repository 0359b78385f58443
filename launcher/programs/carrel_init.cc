// carrel-init: pid 1 of a workspace, uid 999 inside. Starts the payload behind the gate, and
// further commands when the session asks; reaps, reports their status, forwards signals. Static, no
// heap, no exceptions. It enters the payload's Landlock domain itself, so that all of them share
// it, and keeps what it needs to become the payload's uid and to signal: CAP_SETUID and CAP_SETGID
// over a map of two uids, and CAP_KILL. Its own failures are records on the control socket.

#include <linux/capability.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "launcher/box/pid1/bounds.h"
#include "launcher/box/pid1/commands.h"
#include "launcher/box/pid1/payload.h"
#include "launcher/box/pid1/telling.h"
#include "launcher/box/pid1/told.h"

namespace {

using carrel::init::InitPlan;
using carrel::init::PayloadStep;
using namespace carrel::pid1;  // NOLINT(google-build-using-namespace): its program

constexpr uint64_t kKeptCapabilities =
    uint64_t{1} << CAP_KILL | uint64_t{1} << CAP_SETUID | uint64_t{1} << CAP_SETGID;

Plan the_plan;      // NOLINT: too large for the stack of a static program; written once
Wanted the_wanted;  // NOLINT: the same; one request at a time

}  // namespace

int main() {
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  prctl(PR_SET_NAME, "carrel-init", 0, 0, 0);
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, nullptr);
  if (!read_plan(&the_plan)) fail(PayloadStep::kReadPlan);
  const InitPlan& head = *the_plan.head;
  // Once, for every command: what cannot be taken back. A Landlock domain of its own for each would
  // keep one terminal's programs from signalling another's.
  if (!drop_bounding_set()) fail(PayloadStep::kCapabilities);
  if (prctl(PR_SET_SECUREBITS, head.securebits, 0, 0, 0) != 0) fail(PayloadStep::kSecurebits);
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) fail(PayloadStep::kNoNewPrivileges);
  restrict_paths(the_plan);
  if (!limit_capabilities(kKeptCapabilities)) fail(PayloadStep::kCapabilities);
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  const int signals = signalfd(-1, &child, SFD_CLOEXEC);
  const pid_t payload = signals < 0 ? -1 : fork();
  if (payload < 0) fail(PayloadStep::kFork);
  if (payload == 0) run_payload(&the_plan);
  close(carrel::init::kGateFd);
  for (int fd = 0; fd < 3; ++fd)
    close(fd);
  if ((head.flags & carrel::init::kUsesTerminal) != 0) close(carrel::init::kTerminalFd);
  if ((head.flags & carrel::init::kUsesProgramFd) != 0) close(carrel::init::kProgramFd);
  supervise(the_plan, &the_wanted, signals, payload);
}
