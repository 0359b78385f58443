#include "launcher/service/ssh_server.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "broker/wire/protocol/connection.h"
#include "launcher/box/init/init_plan.h"
#include "launcher/box/kernel/mount_api.h"
#include "launcher/box/plan/plan.h"
#include "launcher/service/listening.h"

namespace carrel::service {
namespace {

constexpr int kReadyMs = 5'000;
constexpr int kEndMs = 10'000;
constexpr int kWaiting = 8;
constexpr uint64_t kFolderBytes = 4096;
constexpr uint64_t kFolderInodes = 2;

Result<std::pair<UniqueFd, UniqueFd>> make_pipe() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return errno_error("pipe");
  return std::pair{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

Result<std::pair<UniqueFd, UniqueFd>> make_packet_pair() {
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return errno_error("socketpair");
  }
  return std::pair{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

constexpr int kInitMs = 5'000;

/// carrel-init sends one byte with it (launcher/box/init).
Result<UniqueFd> receive_listener(int socket_fd) {
  pollfd wait{socket_fd, POLLIN, 0};
  if (poll(&wait, 1, kInitMs) <= 0) return Error{"no listener of the ssh server came", ETIMEDOUT};
  char byte = 0;
  iovec part{&byte, 1};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const ssize_t got = recvmsg(socket_fd, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  const cmsghdr* rights = got == 1 ? CMSG_FIRSTHDR(&message) : nullptr;
  if (rights == nullptr || rights->cmsg_type != SCM_RIGHTS ||
      rights->cmsg_len != CMSG_LEN(sizeof(int))) {
    return Error{"no listener of the ssh server came", EPROTO};
  }
  int fd = -1;
  memcpy(&fd, CMSG_DATA(rights), sizeof fd);
  return UniqueFd(fd);
}

plan::SshdRequest request_of(const SshTools& tools, const protocol::StartSsh& wanted) {
  plan::SshdRequest request;
  request.uid_base = tools.uid_base;
  request.host_key = wanted.access().host_key();
  request.authority = wanted.access().authority();
  request.principal = wanted.access().principal();
  request.notice = wanted.notice();
  request.ports = tools.ports;
  return request;
}

}  // namespace

/// The listener of its filter is on its way to the sensor before the server runs; the kernel's own
/// sensor learns its control group instead.
Status SshServers::watch(One& one, int listener_socket) {
  if (tools_.tracer != nullptr) {
    ASSIGN_OR_RETURN(const uint64_t id, one.leaf->id());
    RETURN_IF_ERROR(tools_.tracer->add_channel(tools_.sensor_slot, id, one.channel));
    one.watched = true;
    return Done{};
  }
  ASSIGN_OR_RETURN(const UniqueFd listener, receive_listener(listener_socket));
  return tools_.notifier->watch_channel(one.channel, listener.get());
}

/// Until it stands at the gate.
Status SshServers::wait_ready(const One& one) const {
  pollfd wait{one.control.get(), POLLIN, 0};
  if (poll(&wait, 1, kReadyMs) <= 0) return Error{"the ssh server was not set up", ETIMEDOUT};
  init::Record record{};
  if (recv(one.control.get(), &record, sizeof record, MSG_DONTWAIT) != sizeof record) {
    return Error{"the ssh server's jail ended during its set-up", ECANCELED};
  }
  if (record.type == init::RecordType::kReady) return Done{};
  return Error{"set up the ssh server, step " + std::to_string(record.a), record.b};
}

Result<SshHanded> SshServers::start_in(One& one, const protocol::StartSsh& wanted) {
  ASSIGN_OR_RETURN(const plan::SandboxPlan plan,
                   plan::make_sshd_plan(tools_.facts, request_of(tools_, wanted)));
  const uint32_t uid = plan.uids.payload_host();
  if (tools_.cgroups != nullptr) {
    const plan::Ceilings& most = plan.ceilings;
    ASSIGN_OR_RETURN(kernel::CgroupLeaf leaf,
                     kernel::CgroupLeaf::create(
                         *tools_.cgroups, tools_.session + "-ssh-" + std::to_string(one.channel),
                         {most.memory_bytes, most.processes, most.cpu_milli}));
    one.leaf = std::make_unique<kernel::CgroupLeaf>(std::move(leaf));
  }
  SshHanded handed;
  handed.uid = uid;
  ASSIGN_OR_RETURN(UniqueFd folder,
                   kernel::new_tmpfs({uid, uid, 0700, kFolderBytes, kFolderInodes}));
  const std::string socket = plan::kChannelSocket;
  ASSIGN_OR_RETURN(handed.listener,
                   listen_in(folder.get(), {socket.substr(socket.rfind('/') + 1), uid, 0600},
                             SOCK_STREAM, kWaiting));
  ASSIGN_OR_RETURN(UniqueFd program,
                   kernel::clone_tree(tools_.programs.channel.get(), kernel::Tree::kOne));
  ASSIGN_OR_RETURN(auto control, make_packet_pair());
  ASSIGN_OR_RETURN(auto sensor, make_packet_pair());
  ASSIGN_OR_RETURN(auto gate, make_pipe());
  ASSIGN_OR_RETURN(auto log, make_pipe());
  ASSIGN_OR_RETURN(auto stream, protocol::make_socket_pair());
  one.control = std::move(control.first);
  one.gate = std::move(gate.second);
  sandbox::Resources resources;
  resources.network_fd = tools_.network_fd;
  resources.cgroup = one.leaf.get();
  resources.sources.push_back(std::move(folder));
  resources.sources.push_back(std::move(program));
  resources.control_fd = control.second.get();
  resources.gate_fd = gate.first.get();
  resources.stdin_fd = stream.second.get();
  resources.stdout_fd = stream.second.get();
  resources.stderr_fd = log.second.get();
  resources.init_fd = tools_.programs.init.get();
  resources.sensor_fd = sensor.second.get();
  resources.filters = &tools_.programs.filters;
  ASSIGN_OR_RETURN(one.box, sandbox::start(plan, resources));
  control.second.reset();
  sensor.second.reset();
  gate.first.reset();
  RETURN_IF_ERROR(wait_ready(one));
  RETURN_IF_ERROR(watch(one, sensor.first.get()));
  if (write(one.gate.get(), "g", 1) != 1) return errno_error("open the ssh server's gate");
  one.gate.reset();
  handed.log = std::move(log.first);
  handed.stream = std::move(stream.first);
  handed.pidfd.reset(fcntl(one.box.pidfd.get(), F_DUPFD_CLOEXEC, 3));
  if (!handed.pidfd.valid()) return errno_error("duplicate a pidfd");
  if (one.leaf != nullptr) {
    ASSIGN_OR_RETURN(handed.kill, one.leaf->open_control("cgroup.kill", O_WRONLY));
  } else {
    // The session may signal nobody: what it writes there is its wish, and we end the server.
    ASSIGN_OR_RETURN(auto wish, make_pipe());
    one.kill_wish = std::move(wish.first);
    handed.kill = std::move(wish.second);
  }
  return handed;
}

Result<SshHanded> SshServers::start(const protocol::StartSsh& wanted) {
  if (access(plan::kSshdPath, X_OK) != 0) {
    return Error{std::string("this host has no ") + plan::kSshdPath +
                     " (Debian's package openssh-server; it need not run)",
                 ENOENT};
  }
  if (all_.size() >= kMost) return Error{"too many ssh connections at this session", EAGAIN};
  const auto same = [&wanted](const One& each) { return each.channel == wanted.channel(); };
  if (wanted.channel() == 0 || std::any_of(all_.begin(), all_.end(), same)) {
    return Error{"the number of an ssh connection was given twice", EINVAL};
  }
  One one;
  one.channel = wanted.channel();
  Result<SshHanded> handed = start_in(one, wanted);
  if (handed.ok()) {
    all_.push_back(std::move(one));
    return handed;
  }
  if (!end(one).ok()) keep_stuck(std::move(one));
  return handed;
}

void SshServers::keep_stuck(One one) {
  one.stuck = true;
  all_.push_back(std::move(one));
}

std::vector<pollfd> SshServers::waits() const {
  std::vector<pollfd> list;
  for (const One& one : all_) {
    list.push_back({one.control.get(), POLLIN, 0});
    list.push_back({one.kill_wish.get(), POLLIN, 0});
  }
  return list;
}

/// Whether the session wants it to end; one that has gone wishes for nothing any more.
bool SshServers::is_unwanted(One& one) {
  pollfd look{one.kill_wish.get(), POLLIN, 0};
  if (!one.kill_wish.valid() || poll(&look, 1, 0) <= 0) return false;
  char byte = 0;
  const bool wished = read(one.kill_wish.get(), &byte, 1) == 1;
  one.kill_wish.reset();
  return wished;
}

/// carrel-init says that the server has exited, or says nothing any more.
void SshServers::serve() {
  std::erase_if(all_, [this](One& one) {
    if (!one.stuck && is_unwanted(one)) {
      one.stuck = !end(one).ok();
      return !one.stuck;
    }
    init::Record record{};
    const ssize_t got = recv(one.control.get(), &record, sizeof record, MSG_DONTWAIT);
    const bool nothing = got < 0 && (errno == EAGAIN || errno == EINTR);
    if (nothing || one.stuck) return false;
    one.stuck = !end(one).ok();
    return !one.stuck;
  });
}

Status SshServers::end(One& one) {
  one.gate.reset();
  one.control.reset();
  if (one.box.pid > 0) {
    RETURN_IF_ERROR(one.leaf != nullptr ? one.leaf->kill_all(kEndMs)
                                        : sandbox::end_by_init(one.box, kEndMs));
    while (waitpid(one.box.pid, nullptr, 0) < 0 && errno == EINTR) {
    }
    one.box.pid = -1;
  }
  if (one.leaf == nullptr) return Done{};
  Status forgotten = Done{};
  if (one.watched) {
    const Result<uint64_t> id = one.leaf->id();
    forgotten = id.ok() ? tools_.tracer->remove_channel(id.value()) : Status(id.error());
    one.watched = false;
  }
  const Status removed = one.leaf->remove();
  return forgotten.ok() ? removed : forgotten;
}

Status SshServers::end_all() {
  Status all = Done{};
  std::erase_if(all_, [this, &all](One& one) {
    Status ended = end(one);
    const bool gone = ended.ok();
    if (!gone) all = std::move(ended);
    return gone;
  });
  return all;
}

}  // namespace carrel::service
