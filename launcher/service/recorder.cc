#include "launcher/service/recorder.h"

#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "launcher/service/processes.h"
#include "profiles/base/text.h"

namespace carrel::service {

using protocol::Message;
using protocol::Type;

namespace {

constexpr int kRecordedMs = 30'000;
constexpr int kFifoPriority = 5;
// It has two threads; the kernel counts those of a session that had the uid before for a while
// more.
constexpr uint64_t kThreads = 16;

}  // namespace

Result<Recorder> Recorder::start(const std::string& program, uid_t uid) {
  auto ends = protocol::make_socket_pair();
  if (!ends.ok()) return ends.take_error();
  auto [ours, theirs] = ends.take();
  ProgramStart start;
  start.program = program;
  start.fds = {theirs.get()};
  start.uid = uid;
  if (uid != 0) start.max_processes = kThreads;
  ASSIGN_OR_RETURN(const pid_t pid, start_program(start));
  return Recorder(protocol::Connection(std::move(ours)), pid);
}

Status Recorder::configure(const protocol::SessionConfig& config, const std::vector<int>& fds) {
  const Status sent = protocol::send_message(control_, Type::kSessionConfig, config, fds);
  if (!sent.ok() && sent.error().sys_errno == EPIPE) {
    return Error{"carrel-session ended as soon as it was started"};
  }
  return sent;
}

Status Recorder::wait_recorded(std::optional<protocol::Finished>* finished, std::string* warning) {
  ASSIGN_OR_RETURN(std::optional<Message> message, control_.receive(kRecordedMs));
  if (!message.has_value()) return Error{"carrel-session ended during set-up"};
  if (message->type == Type::kFinished) {
    ASSIGN_OR_RETURN(*finished, protocol::parse_message<protocol::Finished>(*message));
    return Error{quoted((*finished)->error())};
  }
  if (message->type != Type::kRecorded) return Error{"carrel-session spoke out of turn", EPROTO};
  ASSIGN_OR_RETURN(const protocol::Recorded recorded,
                   protocol::parse_message<protocol::Recorded>(*message));
  if (recorded.reader_tid() == 0) return Done{};  // its sensor needs no thread
  sched_param parameter{};
  parameter.sched_priority = kFifoPriority;
  const auto tid = static_cast<pid_t>(recorded.reader_tid());
  // Its own thread and nobody else's: what it says is no reason to let another one run first.
  const std::string thread = "/proc/" + std::to_string(pid_) + "/task/" + std::to_string(tid);
  if (tid < 0 || access(thread.c_str(), F_OK) != 0 ||
      sched_setscheduler(tid, SCHED_FIFO, &parameter) != 0) {
    *warning = to_string(errno_error("give the ring's reader SCHED_FIFO"));
  }
  return Done{};
}

Status Recorder::tell_workspace(int pidfd) {
  const int fds[] = {pidfd};
  const Status sent = control_.send(Type::kWorkspace, "", fds);
  // One that has ended says why itself: wait_recorded() hears it.
  return !sent.ok() && sent.error().sys_errno == EPIPE ? Status(Done{}) : sent;
}

void Recorder::tell_gateway(const protocol::GatewayBack& back, const UniqueFd& channel) {
  std::vector<int> fds;
  if (channel.valid()) fds.push_back(channel.get());
  // One that has ended needs no telling: the gateway ends with the channel.
  (void)protocol::send_message(control_, Type::kGatewayBack, back, fds).ok();
}

void Recorder::tell_host_space(const protocol::HostSpace& space) {
  // One that has ended needs no telling.
  (void)control_.send(protocol::Type::kHostSpace, protocol::format_host_space(space)).ok();
}

Status Recorder::go() {
  return protocol::send_message(control_, Type::kGo, protocol::Go());
}

void Recorder::fail(int code, const std::string& text) {
  protocol::Failure failure;
  failure.set_code(static_cast<uint32_t>(code));
  failure.set_text(text);
  // One that is gone already needs no telling.
  (void)protocol::send_message(control_, Type::kFailure, failure).ok();
}

void Recorder::hang_up() {
  if (control_.send(Type::kEndSession, "").ok()) return;
  (void)shutdown(control_.fd(), SHUT_WR);
}

Result<Recorder::Said> Recorder::take() {
  Said said;
  const Result<bool> open = control_.fill();
  said.gone = !open.ok() || !open.value();
  while (true) {
    ASSIGN_OR_RETURN(std::optional<Message> message, control_.next());
    if (!message.has_value()) return said;
    if (message->type == Type::kStartSsh) {
      said.wanted.push_back(std::move(*message));
      continue;
    }
    if (message->type == Type::kGatewayBack) {
      ASSIGN_OR_RETURN(said.missed, protocol::parse_message<protocol::GatewayBack>(*message));
      continue;
    }
    if (message->type != Type::kFinished) return Error{"carrel-session spoke out of turn", EPROTO};
    ASSIGN_OR_RETURN(said.finished, protocol::parse_message<protocol::Finished>(*message));
    said.gone = true;
    return said;
  }
}

void Recorder::tell_ssh(const protocol::SshStarted& started, const std::vector<int>& fds) {
  // One that has ended needs no telling: the servers end with it.
  (void)protocol::send_message(control_, Type::kSshStarted, started, fds).ok();
}

void Recorder::reap(int timeout_ms) {
  if (pid_ > 0) wait_or_kill(pid_, timeout_ms);
  pid_ = -1;
}

}  // namespace carrel::service
