#include "launcher/watch/notify/notify_main.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <exception>
#include <iterator>
#include <list>
#include <vector>

#include "broker/confine/confine.h"
#include "launcher/box/plan/seccomp_table.h"
#include "launcher/watch/notify/listener.h"
#include "launcher/watch/notify/watcher.h"
#include "launcher/watch/sensor/wire.h"

namespace carrel::notify {
namespace {

constexpr int kSocketFd = 3;
constexpr int kRecordsFd = 4;
constexpr int kCountersFd = 5;

/// No Landlock: who is in one may not look into processes outside of it. The one power that stays
/// is to read what a workspace's process will not let be read (CAP_SYS_PTRACE over the launcher's
/// user namespace and those below it).
confine::Confinement notify_confinement() {
  confine::Confinement list;
  list.keep_capabilities = uint64_t{1} << CAP_SYS_PTRACE;
  list.syscalls = confine::common_syscalls();
  for (const char* name :
       {"ioctl", "openat", "openat2", "readlinkat", "readlink", "newfstatat", "statx", "faccessat2",
        "faccessat", "process_vm_readv", "pidfd_open", "pidfd_getfd"}) {
    list.syscalls.emplace_back(name);
  }
  return list;
}

/// The listener of one more filter; invalid when the other side has closed.
UniqueFd receive_listener() {
  char byte = 0;
  iovec part{&byte, 1};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  ssize_t got = 0;
  do {
    got = recvmsg(kSocketFd, &message, MSG_CMSG_CLOEXEC);
  } while (got < 0 && errno == EINTR);
  const cmsghdr* rights = got == 1 ? CMSG_FIRSTHDR(&message) : nullptr;
  if (rights == nullptr || rights->cmsg_type != SCM_RIGHTS ||
      rights->cmsg_len != CMSG_LEN(sizeof(int))) {
    return UniqueFd();
  }
  int fd = -1;
  std::memcpy(&fd, CMSG_DATA(rights), sizeof fd);
  return UniqueFd(fd);
}

class Sensor {
 public:
  explicit Sensor(carrel_counters* counters) : counters_(counters) {}

  /// Until no further filter can come and the last process with one has ended.
  Status run() {
    while (brings_more_ || !listeners_.empty()) {
      std::vector<pollfd> waits{{brings_more_ ? kSocketFd : -1, POLLIN, 0}, {kRecordsFd, 0, 0}};
      for (const Listener& listener : listeners_)
        waits.push_back({listener.fd(), POLLIN, 0});
      if (poll(waits.data(), waits.size(), -1) < 0 && errno != EINTR) return errno_error("poll");
      if ((waits[1].revents & (POLLERR | POLLHUP)) != 0) return Error{"nobody reads", EPIPE};
      size_t at = 2;
      for (auto listener = listeners_.begin(); listener != listeners_.end(); ++at) {
        const short seen = waits[at].revents;
        if ((seen & POLLIN) != 0) RETURN_IF_ERROR(serve(*listener));
        const bool over = (seen & POLLIN) == 0 && (seen & (POLLHUP | POLLERR)) != 0;
        listener = over ? listeners_.erase(listener) : std::next(listener);
      }
      if (waits[0].revents != 0) take_listener();
    }
    return Done{};
  }

 private:
  /// Each command that carrel-init starts has a filter of its own, and so a listener.
  void take_listener() {
    UniqueFd fd = receive_listener();
    brings_more_ = fd.valid();
    if (fd.valid()) listeners_.emplace_back(std::move(fd));
  }

  Status serve(Listener& listener) {
    ASSIGN_OR_RETURN(const std::optional<seccomp_notif> call, listener.receive());
    if (!call.has_value()) return Done{};
    const Judgement judgement = watcher_.look(*call);
    // One that died meanwhile has attempted nothing, and what was read may be another's.
    if (!listener.waits(call->id)) return Done{};
    // Kept first: a call that nobody could record is not carried out.
    for (const std::string& record : judgement.records)
      RETURN_IF_ERROR(keep(record));
    if (judgement.refuse_with != 0) return listener.refuse(call->id, judgement.refuse_with);
    return listener.let_through(call->id);
  }

  Status keep(const std::string& record) {
    const size_t type = std::min<size_t>(type_of(record), CARREL_TYPES - 1);
    __atomic_fetch_add(&counters_->produced[type], 1, __ATOMIC_RELEASE);
    for (size_t done = 0; done < record.size();) {
      const ssize_t got = write(kRecordsFd, record.data() + done, record.size() - done);
      if (got < 0 && errno != EINTR) return errno_error("write a record");
      if (got > 0) done += static_cast<size_t>(got);
    }
    return Done{};
  }

  std::list<Listener> listeners_;
  bool brings_more_ = true;
  Watcher watcher_;
  carrel_counters* counters_;
};

void allow_many_descriptors() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, 4096);
  (void)setrlimit(RLIMIT_NOFILE, &limit);
}

Status serve_workspace() {
  (void)signal(SIGPIPE, SIG_IGN);  // NOLINT(concurrency-mt-unsafe): one thread
  allow_many_descriptors();
  void* memory =
      mmap(nullptr, sizeof(carrel_counters), PROT_READ | PROT_WRITE, MAP_SHARED, kCountersFd, 0);
  if (memory == MAP_FAILED) return errno_error("map the counters");
  auto* counters = static_cast<carrel_counters*>(memory);
  (void)plan::contractor_table();  // made at first use
  RETURN_IF_ERROR(confine::confine_self(notify_confinement()));
  RETURN_IF_ERROR(Sensor(counters).run());
  __atomic_store_n(&counters->over, 1, __ATOMIC_RELEASE);
  return Done{};
}

}  // namespace

int notify_main() {
  try {
    return serve_workspace().ok() ? 0 : 1;
  } catch (const std::exception&) {
    return 1;  // the listener closes with this process: its calls answer ENOSYS
  }
}

}  // namespace carrel::notify
