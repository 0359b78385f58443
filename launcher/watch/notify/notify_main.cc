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
#include <cerrno>
#include <cstring>
#include <exception>
#include <iterator>
#include <list>
#include <vector>

#include "broker/confine/confine.h"
#include "launcher/box/plan/seccomp_table.h"
#include "launcher/watch/notify/handover.h"
#include "launcher/watch/notify/listener.h"
#include "launcher/watch/notify/server.h"
#include "launcher/watch/notify/watcher.h"
#include "launcher/watch/sensor/wire.h"

namespace carrel::notify {
namespace {

constexpr int kSocketFd = 3;
constexpr int kRecordsFd = 4;
constexpr int kCountersFd = 5;
constexpr int kServersFd = 6;

/// No Landlock: who is in one may not look into processes outside of it. The one power that stays
/// is to read what a workspace's process will not let be read (CAP_SYS_PTRACE over the launcher's
/// user namespace and those below it).
confine::Confinement notify_confinement() {
  confine::Confinement list;
  list.keep_capabilities = uint64_t{1} << CAP_SYS_PTRACE;
  list.syscalls = confine::common_syscalls();
  for (const char* name :
       {"ioctl", "openat", "openat2", "readlinkat", "readlink", "newfstatat", "statx", "faccessat2",
        "faccessat", "process_vm_readv", "pidfd_open", "pidfd_getfd", "getsockopt", "kcmp"}) {
    list.syscalls.emplace_back(name);
  }
  return list;
}

/// The filter of one ssh server, which stands outside of the workspace.
struct Server {
  uint32_t channel = 0;
  Listener listener;
};

class Sensor {
 public:
  explicit Sensor(carrel_counters* counters) : counters_(counters) {}

  /// Until no further filter can come and the last process with one has ended.
  Status run() {
    while (brings_more_ || !listeners_.empty()) {
      std::vector<pollfd> waits{{brings_more_ ? kSocketFd : -1, POLLIN, 0},
                                {kRecordsFd, 0, 0},
                                {brings_servers_ ? kServersFd : -1, POLLIN, 0}};
      const size_t fixed = waits.size();
      for (const Listener& listener : listeners_)
        waits.push_back({listener.fd(), POLLIN, 0});
      for (const Server& server : servers_)
        waits.push_back({server.listener.fd(), POLLIN, 0});
      if (poll(waits.data(), waits.size(), -1) < 0 && errno != EINTR) return errno_error("poll");
      if ((waits[1].revents & (POLLERR | POLLHUP)) != 0) return Error{"nobody reads", EPIPE};
      const pollfd* seen = waits.data() + fixed;
      RETURN_IF_ERROR(serve_listeners(seen));
      RETURN_IF_ERROR(serve_servers(seen));
      if (waits[0].revents != 0) take_listener();
      if (waits[2].revents != 0) take_server();
    }
    return Done{};
  }

 private:
  static bool is_over(const pollfd& seen) {
    return (seen.revents & POLLIN) == 0 && (seen.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0;
  }

  /// `seen` is moved past what belongs to these.
  Status serve_listeners(const pollfd*& seen) {
    for (auto each = listeners_.begin(); each != listeners_.end(); ++seen) {
      if ((seen->revents & POLLIN) != 0) RETURN_IF_ERROR(serve(*each));
      each = is_over(*seen) ? listeners_.erase(each) : std::next(each);
    }
    return Done{};
  }

  Status serve_servers(const pollfd*& seen) {
    for (auto each = servers_.begin(); each != servers_.end(); ++seen) {
      bool goes_on = !is_over(*seen);
      if ((seen->revents & POLLIN) != 0) {
        ASSIGN_OR_RETURN(goes_on, serve_server(*each));
      }
      each = goes_on ? std::next(each) : servers_.erase(each);
    }
    return Done{};
  }

  /// Each command that carrel-init starts has a filter of its own, and so a listener.
  void take_listener() {
    std::optional<Handover> came = receive_handover(kSocketFd, 1);
    brings_more_ = came.has_value();
    if (came.has_value()) listeners_.emplace_back(std::move(came->fd));
  }

  void take_server() {
    uint32_t channel = 0;
    std::optional<Handover> came = receive_handover(kServersFd, sizeof channel);
    if (came.has_value()) std::memcpy(&channel, came->bytes.data(), sizeof channel);
    brings_servers_ = channel != 0;
    // Closed, so that the other side learns of it with its next message.
    if (!brings_servers_) close(kServersFd);
    if (brings_servers_) servers_.push_back({channel, Listener(std::move(came->fd))});
  }

  /// False when its listener is to be closed: it is none, or cannot be answered. An Error where
  /// nothing can be recorded any more.
  Result<bool> serve_server(Server& server) {
    const Result<std::optional<seccomp_notif>> received = server.listener.receive();
    if (!received.ok()) return false;
    const std::optional<seccomp_notif>& call = received.value();
    if (!call.has_value()) return true;
    const Judgement judgement = look_at_server(*call, server.channel);
    if (!server.listener.waits(call->id)) return true;
    for (const std::string& record : judgement.records) {
      Status kept = keep(record);
      if (kept.ok()) continue;
      (void)server.listener.refuse(call->id, EACCES).ok();  // what cannot be recorded is not done
      return kept.take_error();
    }
    if (judgement.refuse_with == 0) return server.listener.let_through(call->id).ok();
    return server.listener.refuse(call->id, judgement.refuse_with).ok();
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
  std::list<Server> servers_;
  bool brings_more_ = true;
  bool brings_servers_ = true;
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
