#include "launcher/box/pid1/commands.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "launcher/box/pid1/payload.h"
#include "launcher/box/pid1/telling.h"

namespace carrel::pid1 {

using init::PayloadStep;
using init::Record;
using init::RecordType;

namespace {

void take_fds(msghdr* message, Wanted* wanted) {
  for (cmsghdr* c = CMSG_FIRSTHDR(message); c != nullptr; c = CMSG_NXTHDR(message, c)) {
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int fd = -1;
      memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof fd);
      if (wanted->fd_count < 3) {
        wanted->fds[wanted->fd_count++] = fd;
      } else {
        close(fd);
      }
    }
  }
}

void close_fds(Wanted* wanted) {
  for (int i = 0; i < wanted->fd_count; ++i)
    close(wanted->fds[i]);
  wanted->fd_count = 0;
}

struct Command {
  pid_t pid = 0;  // 0: none
  int channel = 0;
};
/// The main command first.
Command the_commands[init::kMaxChannels + 1];  // NOLINT: of the one thread

void spawn(const Plan& plan, Wanted* wanted) {
  const int channel = wanted->head->record.c;
  Command* place = nullptr;
  for (Command& each : the_commands) {
    if (each.pid != 0 && each.channel == channel) return;  // a number is given once
    if (place == nullptr && each.pid == 0 && &each != &the_commands[0]) place = &each;
  }
  if (channel <= 0) return;
  if (place == nullptr) {
    return tell_of(channel, RecordType::kSetupFailed, static_cast<int>(PayloadStep::kNoRoom));
  }
  const pid_t pid = fork();
  if (pid < 0) {
    return tell_of(channel, RecordType::kSetupFailed, static_cast<int>(PayloadStep::kFork), errno);
  }
  if (pid == 0) {
    set_channel(channel);
    run_wanted(plan, wanted);
  }
  *place = {pid, channel};
}

/// Each command leads a process group of its own; a shell's jobs hear of a hang-up from it.
void forward_signal(int channel, int number) {
  if (number <= 0 || number > 64) return;
  for (const Command& each : the_commands) {
    if (each.pid == 0 || each.channel != channel) continue;
    // Before its setsid(2) it leads no group yet.
    if (kill(-each.pid, number) != 0 && errno == ESRCH) kill(each.pid, number);
  }
}

void reap() {
  int status = 0;
  for (pid_t pid = waitpid(-1, &status, WNOHANG); pid > 0; pid = waitpid(-1, &status, WNOHANG)) {
    for (Command& each : the_commands) {
      if (each.pid != pid) continue;
      each.pid = 0;
      tell_of(each.channel, RecordType::kExited, status);
    }
  }
}

void take_order(const Plan& plan, Wanted* wanted) {
  iovec part{wanted->bytes, sizeof wanted->bytes};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * 3)] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  const ssize_t got = recvmsg(init::kControlFd, &message, MSG_CMSG_CLOEXEC);
  if (got == 0) _exit(125);  // the session has gone: the kernel kills the rest with pid 1
  if (got < 0) return;
  take_fds(&message, wanted);
  Record record{};
  if (got >= static_cast<ssize_t>(sizeof record)) memcpy(&record, wanted->bytes, sizeof record);
  if (got == sizeof record && record.type == RecordType::kSignal) {
    forward_signal(record.c, record.a);
  } else if (record.type == RecordType::kSpawn) {
    const bool whole = (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0;
    if (whole && read_wanted(plan, static_cast<size_t>(got), wanted)) {
      spawn(plan, wanted);
    } else if (record.c > 0) {
      tell_of(record.c, RecordType::kSetupFailed, static_cast<int>(PayloadStep::kFork), EINVAL);
    }
  }
  close_fds(wanted);
}

}  // namespace

void supervise(const Plan& plan, Wanted* wanted, int signals, pid_t main) {
  the_commands[0] = {main, 0};
  while (true) {
    pollfd waits[2] = {{init::kControlFd, POLLIN, 0}, {signals, POLLIN, 0}};
    if (poll(waits, 2, -1) < 0 && errno != EINTR) _exit(125);
    if (waits[1].revents != 0) {
      signalfd_siginfo info;
      if (read(signals, &info, sizeof info) > 0) reap();
    }
    if (waits[0].revents != 0) take_order(plan, wanted);
  }
}

}  // namespace carrel::pid1
