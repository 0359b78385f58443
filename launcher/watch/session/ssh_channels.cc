#include "launcher/watch/session/ssh_channels.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace carrel::session {
namespace {

using protocol::Message;
using protocol::Type;

/// For carrel-init; the broker's own numbers stay far below.
constexpr int32_t kFirstNumber = 1 << 24;
constexpr size_t kMostCallers = 8;
constexpr uint64_t kCallerNs = 5 * kNsPerS;
/// How long the launcher may take to start a server.
constexpr uint64_t kStartNs = 30 * kNsPerS;
constexpr size_t kMaxLine = 1024;
constexpr int kReadsATurn = 4;
constexpr int kClosed = 123;

bool is_readable(int fd) {
  pollfd look{fd, POLLIN, 0};
  return fd >= 0 && poll(&look, 1, 0) > 0;
}

/// TERM and LANG: what could name a file is no such value.
std::string plain_or_nothing(const std::string& word) {
  constexpr std::string_view kAllowed =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.+@";
  constexpr size_t kMaxWord = 64;
  const bool plain =
      word.size() <= kMaxWord && word.find_first_not_of(kAllowed) == std::string::npos;
  return plain ? word : "";
}

bool set_nonblocking(int fd) {
  const int flags = fcntl(fd, F_GETFL);
  return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0;
}

}  // namespace

struct SshChannels::One {
  uint32_t number = 0;
  std::string name;
  uint64_t asked_ns = 0;
  UniqueFd stream;  // the client's, until there is a server
  bool started = false;
  uint32_t uid = 0;
  UniqueFd listener, log, pidfd, kill;
  uint32_t commands = 0;
  std::string line;  // of the log, not whole yet
  struct Caller {
    protocol::Connection connection;
    uint64_t until_ns = 0;
  };
  std::list<Caller> callers;  // that have not said yet what they want
  std::optional<Ending> why;  // it was ended by us
};

SshChannels::SshChannels(Channels& channels, RecordLink& record, const Clock& clock,
                         std::string notice, Asking asking, Refused refused)
    : channels_(channels),
      record_(record),
      clock_(clock),
      notice_(std::move(notice)),
      asking_(std::move(asking)),
      refused_(std::move(refused)),
      last_number_(kFirstNumber) {}
SshChannels::~SshChannels() = default;

/// Before its own version line a server may send others (RFC 4253 4.2).
void SshChannels::refuse(const UniqueFd& stream, std::string_view why) {
  const std::string line = "carrel: " + std::string(why) + "\r\n";
  // A client that does not read has no use for it.
  (void)send(stream.get(), line.data(), line.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
}

SshChannels::One* SshChannels::find(uint32_t number) {
  for (const auto& one : all_) {
    if (one->number == number) return one.get();
  }
  return nullptr;
}

void SshChannels::open(const protocol::SessionAttach& wanted, UniqueFd stream) {
  if (wanted.channel() == 0 || find(wanted.channel()) != nullptr) return;
  if (all_.size() >= kMost) {
    return refuse(stream, "this session has " + std::to_string(kMost) +
                              " ssh connections already; close one of them");
  }
  protocol::StartSsh start;
  start.set_channel(wanted.channel());
  *start.mutable_access() = wanted.ssh();
  start.set_notice(notice_);
  if (!asking_(start, stream.get())) return refuse(stream, "the session is ending");
  auto one = std::make_unique<One>();
  one->number = wanted.channel();
  one->name = std::to_string(wanted.channel());
  one->asked_ns = clock_.mono_ns();
  one->stream = std::move(stream);
  record_.add(events::TerminalOpened{"", "ssh"}, one->name);
  all_.push_back(std::move(one));
}

void SshChannels::take_started(Message message) {
  const auto started = protocol::parse_message<protocol::SshStarted>(message);
  if (!started.ok()) return;
  One* one = find(started.value().channel());
  if (one == nullptr || one->started) return;
  if (!started.value().error().empty() || message.fds.size() < 3 || message.fds.size() > 4) {
    refuse(one->stream, started.value().error());
    one->why = ended_by_setup(Error{started.value().error()});
    return;
  }
  one->stream.reset();  // the server's alone: its end is the client's
  one->started = true;
  one->uid = started.value().uid();
  one->listener = std::move(message.fds[0]);
  one->log = std::move(message.fds[1]);
  one->pidfd = std::move(message.fds[2]);
  if (message.fds.size() == 4) one->kill = std::move(message.fds[3]);
  if (!set_nonblocking(one->log.get())) one->log.reset();
  // It was told to end before it was there.
  if (one->why.has_value()) kill();
}

void SshChannels::accept_callers(One& one) {
  while (one.listener.valid() && one.callers.size() < kMostCallers) {
    UniqueFd fd(accept4(one.listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!fd.valid()) return;
    ucred peer{};
    socklen_t size = sizeof peer;
    const bool known = getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0;
    if (!known || peer.uid != one.uid) continue;
    one.callers.push_back({protocol::Connection(std::move(fd)), clock_.mono_ns() + kCallerNs});
  }
}

/// True when it is a command now, or never will be one.
bool SshChannels::hear_caller(One& one, protocol::Connection& caller) {
  const Result<bool> open = caller.fill();
  Result<std::optional<Message>> next = caller.next();
  if (!next.ok()) return true;
  if (!next.value().has_value()) return !open.ok() || !open.value();
  const Message message = std::move(*next.take());
  const auto asked = protocol::parse_message<protocol::AttachRequest>(message);
  if (message.type != Type::kAttachRequest || !message.fds.empty() || !asked.ok()) return true;
  Channels::Wanted wanted;
  wanted.number = ++last_number_;
  wanted.name = one.name + "." + std::to_string(++one.commands);
  wanted.words.assign(asked.value().command().begin(), asked.value().command().end());
  wanted.tty = asked.value().tty();
  wanted.columns = asked.value().columns();
  wanted.rows = asked.value().rows();
  wanted.term = plain_or_nothing(asked.value().term());
  wanted.lang = plain_or_nothing(asked.value().lang());
  wanted.noticed = true;
  channels_.attach(wanted, std::move(caller));
  return true;
}

void SshChannels::read_log(One& one) {
  std::array<char, 4096> part{};
  for (int i = 0; i < kReadsATurn && one.log.valid(); ++i) {
    const ssize_t got = read(one.log.get(), part.data(), part.size());
    if (got < 0) return;
    if (got == 0) return one.log.reset();
    for (const char c : std::string_view(part.data(), static_cast<size_t>(got))) {
      if (c != '\n') {
        if (one.line.size() < kMaxLine) one.line += c;
        continue;
      }
      take_line(one, std::exchange(one.line, {}));
    }
  }
}

void SshChannels::take_line(One& one, std::string_view line) {
  const auto refused = refused_forward(line);
  if (refused.has_value()) refused_(refused->host, refused->port, one.name);
}

bool SshChannels::ended(One& one) {
  if (one.started) return is_readable(one.pidfd.get());
  if (one.why.has_value()) return true;
  if (clock_.mono_ns() < one.asked_ns + kStartNs) return false;
  one.why = ended_by_setup(Error{"the ssh server was not started", ETIMEDOUT});
  return true;
}

void SshChannels::end(One& one, const Ending& ending) {
  if (one.started) read_log(one);
  events::TerminalEnded last;
  last.by = ending.by;
  last.code = static_cast<uint32_t>(ending.code);
  record_.add(std::move(last), one.name);
}

void SshChannels::serve() {
  for (const auto& one : all_) {
    if (record_.full()) return;
    read_log(*one);
    accept_callers(*one);
    const uint64_t now = clock_.mono_ns();
    one->callers.remove_if([this, &one, now](One::Caller& caller) {
      return hear_caller(*one, caller.connection) || now >= caller.until_ns;
    });
  }
  all_.remove_if([this](const std::unique_ptr<One>& one) {
    if (!ended(*one)) return false;
    end(*one, one->why.value_or(Ending{"person", 0, 0, ""}));
    return true;
  });
}

std::vector<pollfd> SshChannels::waits() const {
  std::vector<pollfd> list;
  if (record_.full()) return list;
  for (const auto& one : all_) {
    for (const int fd : {one->listener.get(), one->log.get(), one->pidfd.get()}) {
      if (fd >= 0) list.push_back({fd, POLLIN, 0});
    }
    for (const One::Caller& caller : one->callers)
      list.push_back({caller.connection.fd(), POLLIN, 0});
  }
  return list;
}

void SshChannels::kill() {
  for (const auto& one : all_) {
    if (!one->why.has_value()) one->why = Ending{"kill", kClosed, 0, ""};
    one->listener.reset();
    one->callers.clear();
    // What cannot be killed from here ends with its jail: the launcher kills that when we end.
    if (one->kill.valid()) {
      (void)!write(one->kill.get(), "1", 1);
    } else if (one->pidfd.valid()) {
      (void)syscall(SYS_pidfd_send_signal, one->pidfd.get(), SIGKILL, nullptr, 0);
    }
  }
}

size_t SshChannels::idle() const {
  return static_cast<size_t>(std::count_if(all_.begin(), all_.end(), [this](const auto& one) {
    return channels_.running(one->name + ".") == 0;
  }));
}

void SshChannels::finish(const Ending& ending) {
  for (const auto& one : all_)
    end(*one, ending);
  all_.clear();
}

std::optional<RefusedForward> refused_forward(std::string_view line) {
  constexpr std::string_view kBegin = "Received request from ";
  constexpr std::string_view kMiddle = " to connect to host ";
  constexpr std::string_view kPort = " port ";
  constexpr std::string_view kEnd = ", but the request was denied.";
  while (!line.empty() && line.back() == '\r')
    line.remove_suffix(1);
  if (!line.starts_with(kBegin) || !line.ends_with(kEnd)) return std::nullopt;
  line.remove_suffix(kEnd.size());
  const size_t port_at = line.rfind(kPort);
  if (port_at == std::string_view::npos) return std::nullopt;
  const std::string_view digits = line.substr(port_at + kPort.size());
  line = line.substr(0, port_at);
  const size_t host_at = line.find(kMiddle);
  if (host_at == std::string_view::npos) return std::nullopt;
  RefusedForward refused;
  refused.host = line.substr(host_at + kMiddle.size());
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), refused.port);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return refused;
}

}  // namespace carrel::session
